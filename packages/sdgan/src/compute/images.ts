/** Resizing of images to the size that a network takes, and conversion to bytes. */
import { functional, type Tensor } from "@sdgan/torch";

/** Whether images of `from` pixels can be resized to `to` without skipping pixels. */
export function fits(from: number, to: number): boolean {
  return from <= to || from % to === 0;
}

/**
 * [B, C, S, S] → [B, C, size, size]: averages squares of pixels, or enlarges bilinearly if S is smaller than
 * `size`.
 */
export function fit(images: Tensor, size: number): Tensor {
  return images.size(2) < size ? functional.upsampleBilinear(images, size, size) : resize(images, size);
}

/** Describes in words what `fit` does. */
export function describeFit(from: number, to: number): string {
  if (from === to) return "none";
  return from < to
    ? `enlarged from ${from} to ${to} pixels, bilinear`
    : `averaged from ${from} to ${to} pixels`;
}

/** [B, 3, S, S] → [B, 3, size, size] by averaging squares of pixels. S must be a multiple of `size`. */
export function resize(images: Tensor, size: number): Tensor {
  const from = images.size(2);
  if (from === size) return images;
  if (from % size !== 0) throw new RangeError(`images of ${from} pixels cannot be averaged to ${size}`);
  return functional.avgPool2d(images, from / size);
}

/** [B, 3, S, S] in −1 … 1 → bytes [B, S, S, 3]. */
export function pixelsOf(images: Tensor): Uint8Array {
  return inBytes(images).to("uint8").permute(0, 2, 3, 1).contiguous().toArray() as Uint8Array;
}

/** Rounds images in −1 … 1 to the 256 levels of an image file. The result is in −1 … 1. */
export function quantized(images: Tensor): Tensor {
  return inBytes(images).div(127.5).sub(1);
}

/** −1 … 1 → integers 0 … 255 in float32. */
function inBytes(images: Tensor): Tensor {
  return images.to("float32").add(1).mul(127.5).round().clamp(0, 255);
}
