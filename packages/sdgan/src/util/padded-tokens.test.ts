import { expect, it } from "vitest";
import { paddedTokens } from "./padded-tokens.js";

it("captions of a batch are as long as the longest, with 0 after their ends", () => {
  expect(paddedTokens([[3, 4, 5], Int32Array.of(6)])).toEqual({
    tokens: Int32Array.of(3, 4, 5, 6, 0, 0),
    lengths: Int32Array.of(3, 1),
  });
  expect(paddedTokens([])).toEqual({ tokens: new Int32Array(), lengths: new Int32Array() });
});
