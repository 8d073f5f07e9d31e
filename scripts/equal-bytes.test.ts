import { expect, it } from "vitest";
import { haveEqualBytes } from "./equal-bytes.js";

it("typed arrays are equal if type and bytes are, wherever they are in a value", () => {
  const large = () => Buffer.alloc(1_000_000, 7);
  expect(new Map([["a", [large()]]])).toEqual(new Map([["a", [large()]]]));
  const other = large();
  other[999_999] = 8;
  expect(haveEqualBytes(large(), large())).toBe(true);
  expect(haveEqualBytes(large(), other)).toBeUndefined();
  expect([other.subarray(-3)]).not.toEqual([large().subarray(-3)]);
  expect(haveEqualBytes(Uint8Array.of(1, 2, 3, 4), Uint16Array.of(0x0201, 0x0403))).toBeUndefined();
  expect(haveEqualBytes(Uint8Array.of(9, 1, 2).subarray(1), Uint8Array.of(1, 2))).toBe(true);
  expect(haveEqualBytes([1], [1])).toBeUndefined();
  expect(Float32Array.of(0)).not.toEqual(Float32Array.of(-0));
  expect(() => expect(Uint8Array.of(1, 2)).toEqual(Uint8Array.of(1, 3))).toThrow(/2.*3/s);
});
