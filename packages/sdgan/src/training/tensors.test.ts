import { randn, tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { classIdsOf, imagesOf, pixelsOf, pyramid, resize, tokensOf } from "./tensors.js";

const pixels = Uint8Array.from({ length: 2 * 4 * 4 * 3 }, (_, i) => (i * 37) % 256);
const batch = {
  pixels,
  size: 4,
  tokens: Int32Array.of(3, 4, 5, 6, 0, 0),
  lengths: Int32Array.of(3, 1),
  classIds: Int32Array.of(8, 9),
  pictures: Int32Array.of(0, 1),
  captions: Int32Array.of(0, 0),
};

describe("pictures", () => {
  it("go to −1 … 1 and back to the same bytes", () => {
    const images = imagesOf(batch, { device: "cpu", dtype: "float32" });
    expect(images.shape).toEqual([2, 3, 4, 4]);
    expect(images.isContiguous("channels_last")).toBe(true);
    const green = images.select(0, 1).select(0, 1).select(0, 2).select(0, 3).item();
    expect(green).toBeCloseTo(pixels[((1 * 4 + 2) * 4 + 3) * 3 + 1]! / 127.5 - 1, 6);
    expect(pixelsOf(images)).toEqual(pixels);
  });

  it("keep to bytes where they leave −1 … 1", () => {
    expect([...pixelsOf(tensor([[[[-3]], [[0]], [[3]]]]))]).toEqual([0, 128, 255]);
  });

  it("shrink by means of squares", () => {
    const images = imagesOf(batch, { device: "cpu", dtype: "float32" });
    const [small, whole] = pyramid(images, [2, 4]);
    expect(whole).toBe(images);
    expect(small!.shape).toEqual([2, 3, 2, 2]);
    const corner = images.narrow(2, 2, 2).narrow(3, 0, 2).mean([2, 3]);
    expect(relativeError(small!.select(2, 1).select(2, 0), corner)).toBeLessThan(1e-6);
  });

  it("are refused where a size does not divide theirs", () => {
    expect(() => resize(randn([1, 3, 4, 4]), 3)).toThrow("pictures of 4 pixels cannot be averaged to 3");
    expect(() => resize(randn([1, 3, 4, 4]), 8)).toThrow(RangeError);
  });
});

describe("captions", () => {
  it("of several batches stand one after another, padded to the longest", () => {
    const other = { tokens: Int32Array.of(7, 8, 9, 10, 11, 0, 0, 0), lengths: Int32Array.of(4, 1) };
    const { tokens, lengths } = tokensOf([batch, other], "cpu");
    expect([...lengths]).toEqual([3, 1, 4, 1]);
    expect(tokens.dtype).toBe("int64");
    const rows = [
      [3, 4, 5, 0],
      [6, 0, 0, 0],
      [7, 8, 9, 10],
      [11, 0, 0, 0],
    ];
    expect(tokens.equal(tensor(rows, { dtype: "int64" }))).toBe(true);
    expect(classIdsOf([batch, batch], "cpu").toNumbers()).toEqual([8, 9, 8, 9]);
  });

  it("lose columns that no caption needs", () => {
    const { tokens } = tokensOf(
      [{ tokens: Int32Array.of(5, 0, 0, 6, 0, 0), lengths: Int32Array.of(1, 1) }],
      "cpu",
    );
    expect(tokens.shape).toEqual([2, 1]);
  });
});
