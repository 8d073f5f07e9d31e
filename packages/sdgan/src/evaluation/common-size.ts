/** The size that generated and real images are compared at. */
import { UserError } from "@sdgan/core";
import type { Prepared } from "../data/prepared.js";

/**
 * The size in pixels that images of the model and of the data are resized to: the smaller of both sizes.
 * @throws UserError if the larger size is not a multiple of the smaller one
 */
export function commonSize({ dir, size }: Prepared, generated: number, run: string): number {
  const [small, large] = size < generated ? [size, generated] : [generated, size];
  if (large % small === 0) return small;
  throw new UserError(
    `${dir}: its images of ${size} pixels and the generated images of ${generated} pixels of ${run} cannot be averaged to one size: ` +
      `prepare the data with --size ${generated}`,
    { code: "data.mismatch" },
  );
}
