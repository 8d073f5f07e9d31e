import { Random } from "@sdgan/core";
import { call, cat, fromBytes, randn, type Tensor, tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { pixelsOf, resize } from "../compute/images.js";
import { relativeError } from "../testing/golden.js";
import { fillPyramid, roomFor } from "./pyramid.js";
import { classIdsOf, imagesOf, tensorOf, tokensOf } from "./tensors.js";

const pixels = Uint8Array.from({ length: 2 * 4 * 4 * 3 }, (_, i) => (i * 37) % 256);
const batch = {
  pixels,
  size: 4,
  tokens: Int32Array.of(3, 4, 5, 6, 0, 0),
  lengths: Int32Array.of(3, 1),
  classIds: Int32Array.of(8, 9),
  images: Int32Array.of(0, 1),
  captions: Int32Array.of(0, 0),
};

const cpu = { device: "cpu", dtype: "float32" } as const;

describe("images", () => {
  it("are converted to −1 … 1 and back to the same bytes", () => {
    const images = imagesOf(batch, cpu);
    expect(images.shape).toEqual([2, 3, 4, 4]);
    expect(images.isContiguous("channels_last")).toBe(true);
    const green = images.select(0, 1).select(0, 1).select(0, 2).select(0, 3).item();
    expect(green).toBeCloseTo(pixels[((1 * 4 + 2) * 4 + 3) * 3 + 1]! / 127.5 - 1, 6);
    expect(pixelsOf(images)).toEqual(pixels);
  });

  it("are clipped to bytes outside of −1 … 1", () => {
    expect([...pixelsOf(tensor([[[[-3]], [[0]], [[3]]]]))]).toEqual([0, 128, 255]);
  });

  it("are reduced by the means of squares", () => {
    const images = imagesOf(batch, cpu);
    const small = resize(images, 2);
    expect(resize(images, 4)).toBe(images);
    expect(small.shape).toEqual([2, 3, 2, 2]);
    const corner = images.narrow(2, 2, 2).narrow(3, 0, 2).mean([2, 3]);
    expect(relativeError(small.select(2, 1).select(2, 0), corner)).toBeLessThan(1e-6);
  });

  it.each([
    { storedSize: 64, size: 64, sizes: [16, 32, 64] },
    { storedSize: 29, size: 24, sizes: [24, 12, 8, 3, 1] },
  ])("are bit-identical when they are prefetched: $sizes", ({ storedSize, size, sizes }) => {
    const random = new Random(0, "images");
    const stored = Uint8Array.from({ length: 3 * storedSize * storedSize * 3 }, () => random.below(256));
    const read = (i: number) => stored.subarray((i * stored.length) / 3, ((i + 1) * stored.length) / 3);
    const margin = storedSize - size;
    const plan = {
      images: [2, 0, 1, 0],
      windows: [false, true, false, true].map((flip, i) => ({
        top: margin >> i,
        left: (i * margin) / 3,
        flip,
      })),
    };
    for (const window of plan.windows) window.left = Math.floor(window.left);
    const ready = roomFor(4, size, sizes);
    fillPyramid(read, plan, { storedSize, size }, ready);
    const windows = plan.windows.map(({ top, left, flip }, n) => {
      const image = fromBytes(read(plan.images[n]!), [1, storedSize, storedSize, 3], "uint8");
      const window = image.narrow(1, top, size).narrow(2, left, size);
      return flip ? call<Tensor>("flip", window, [2]) : window;
    });
    const pixels = cat(windows).contiguous().toArray() as Uint8Array;
    for (const [i, expected] of sizes.entries()) {
      const images = resize(imagesOf({ pixels, size, lengths: Int32Array.of(1, 1, 1, 1) }, cpu), expected);
      const made = tensorOf(ready[i]!, cpu);
      expect(made.shape).toEqual([4, 3, expected, expected]);
      expect(made.strides).toEqual(images.strides);
      expect(made.equal(images)).toBe(true);
    }
  });

  it("are rejected if a size does not divide theirs", () => {
    expect(() => resize(randn([1, 3, 4, 4]), 3)).toThrow("images of 4 pixels cannot be averaged to 3");
    expect(() => resize(randn([1, 3, 4, 4]), 8)).toThrow(RangeError);
  });
});

describe("captions", () => {
  it("of several batches are concatenated and padded to the longest", () => {
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

  it("lose the columns that no caption uses", () => {
    const { tokens } = tokensOf(
      [{ tokens: Int32Array.of(5, 0, 0, 6, 0, 0), lengths: Int32Array.of(1, 1) }],
      "cpu",
    );
    expect(tokens.shape).toEqual([2, 1]);
  });
});
