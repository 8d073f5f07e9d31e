/** The size that generated and real images are compared at. */
import { UserError } from "@sdgan/core";
import type { Prepared } from "../data/prepared.js";

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
