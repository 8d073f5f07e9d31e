/**
 * Converts stored images to network inputs: a window of each, mirrored or not, in −1 … 1, at several sizes.
 *
 * These are plain loops instead of libtorch operators: they run in threads without libtorch, and one pass
 * over the bytes is faster than a sequence of operators. Every value is bit-identical to the operators' in
 * float32: byte / 127.5 − 1, then the mean over a square of pixels, summed row by row.
 */
import type { BatchPlan } from "./batch.js";
import { copyWindow } from "./window.js";

/** Images of one size. */
export interface ResizedImages {
  size: number;
  /** [N, size, size, 3] in −1 … 1, in memory that threads share. */
  values: Float32Array;
}

/** Buffers for `count` images at each size. Throws a `RangeError` for a size that does not divide `from`. */
export function roomFor(count: number, from: number, sizes: readonly number[]): ResizedImages[] {
  return sizes.map((size) => {
    if (from % size !== 0) throw new RangeError(`images of ${from} pixels cannot be averaged to ${size}`);
    return { size, values: new Float32Array(new SharedArrayBuffer(4 * count * size * size * 3)) };
  });
}

/** Indices of images in their split, and the window of each. */
export type ImagePlan = Pick<BatchPlan, "windows"> & { images: readonly number[] };

export interface Sizes {
  storedSize: number;
  /** Side of the windows. */
  size: number;
}

/** Fills `into` with the images of a plan, in the plan's order, at each size. */
export function fillPyramid(
  pixels: (index: number) => Uint8Array,
  { images, windows }: ImagePlan,
  { storedSize, size }: Sizes,
  into: readonly ResizedImages[],
): void {
  const bytes = new Uint8Array(size * size * 3);
  const whole = new Float32Array(bytes.length);
  for (const [n, window] of windows.entries()) {
    copyWindow(pixels(images[n]!), storedSize, bytes, size, window);
    for (let at = 0; at < bytes.length; at++) whole[at] = scaled[bytes[at]!]!;
    for (const images of into) {
      const length = images.size * images.size * 3;
      const image = images.values.subarray(n * length, (n + 1) * length);
      if (images.size === size) image.set(whole);
      else average(whole, size, image, images.size);
    }
  }
}

/** Byte → −1 … 1, rounded to float32 after each of the two operations. */
const scaled = Float32Array.from({ length: 256 }, (_, byte) => Math.fround(byte / 127.5) - 1);

/** [size, size, 3] → [small, small, 3], each value the mean over a square. */
function average(from: Float32Array, size: number, into: Float32Array, small: number): void {
  const side = size / small;
  let to = 0;
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      const corner = (row * side * size + column * side) * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let y = 0; y < side; y++) {
        const end = corner + (y * size + side) * 3;
        for (let at = corner + y * size * 3; at < end; at += 3) {
          red = Math.fround(red + from[at]!);
          green = Math.fround(green + from[at + 1]!);
          blue = Math.fround(blue + from[at + 2]!);
        }
      }
      into[to++] = red / (side * side);
      into[to++] = green / (side * side);
      into[to++] = blue / (side * side);
    }
  }
}
