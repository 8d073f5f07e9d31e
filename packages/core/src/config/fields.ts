/** What sections of the configuration are made of. */
import { z } from "zod";

export const count = z.int().positive();
export const rate = z.number().positive();
export const share = z.number().min(0).max(1);
export const weight = z.number().nonnegative();
export const betas = z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]);

/** A section's fields all have defaults, so a section may be left out. Unknown keys are refused. */
export const section = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(description);
