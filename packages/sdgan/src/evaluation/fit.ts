/** Images brought to the size that a network takes. */
import { UserError } from "@sdgan/core";
import { functional, type Tensor } from "@sdgan/torch";
import type { Prepared } from "../data/prepared.js";
import { resize } from "../training/tensors.js";

/** Whether images of `from` pixels can be brought to `to` without leaving pixels out. */
export function fits(from: number, to: number): boolean {
  return from <= to || from % to === 0;
}

/** [B, C, S, S] → [B, C, size, size]: squares of pixels are averaged; where S is smaller, enlarged bilinearly. */
export function fit(images: Tensor, size: number): Tensor {
  return images.size(2) < size ? functional.upsampleBilinear(images, size, size) : resize(images, size);
}

/**
 * Pixels a side that images of the model and of the data can both be brought to: the smaller of both.
 * @throws UserError if there is none
 */
export function commonSize({ dir, size }: Prepared, generated: number, run: string): number {
  const [small, large] = size < generated ? [size, generated] : [generated, size];
  if (large % small === 0) return small;
  throw new UserError(
    `${dir}: its images of ${size} pixels and those of ${generated} that ${run} draws cannot be averaged to one size: ` +
      `prepare the data with --size ${generated}`,
    { code: "data.mismatch" },
  );
}

/** What `fit` does, in words. */
export function describeFit(from: number, to: number): string {
  if (from === to) return "none";
  return from < to
    ? `enlarged from ${from} to ${to} pixels, bilinear`
    : `averaged from ${from} to ${to} pixels`;
}
