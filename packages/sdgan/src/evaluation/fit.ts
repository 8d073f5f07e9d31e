/** Pictures brought to the size that a network takes. */
import { functional, type Tensor } from "@sdgan/torch";
import { resize } from "../training/tensors.js";

/** Whether pictures of `from` pixels can be brought to `to` without leaving pixels out. */
export function fits(from: number, to: number): boolean {
  return from <= to || from % to === 0;
}

/** [B, C, S, S] → [B, C, size, size]: squares of pixels are averaged; where S is smaller, enlarged bilinearly. */
export function fit(images: Tensor, size: number): Tensor {
  return images.size(2) < size ? functional.upsampleBilinear(images, size, size) : resize(images, size);
}

/** What `fit` does, in words. */
export function describeFit(from: number, to: number): string {
  if (from === to) return "none";
  return from < to
    ? `enlarged from ${from} to ${to} pixels, bilinear`
    : `averaged from ${from} to ${to} pixels`;
}
