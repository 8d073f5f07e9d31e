import { expect, it } from "vitest";
import { paddedTokens } from "./padded-tokens.js";

it("pads the captions of a batch with 0 to the length of the longest", () => {
  expect(paddedTokens([[3, 4, 5], Int32Array.of(6)])).toEqual({
    tokens: Int32Array.of(3, 4, 5, 6, 0, 0),
    lengths: Int32Array.of(3, 1),
  });
  expect(paddedTokens([])).toEqual({ tokens: new Int32Array(), lengths: new Int32Array() });
});
