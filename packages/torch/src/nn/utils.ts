/** Utilities for parameters, as in `torch.nn.utils`. */
import { clipGradNorm } from "../optim/clip.js";
import type { Tensor } from "../tensor.js";

/**
 * Scales the `grad` of all parameters in place so that their norm, taken together, is at most `most`; returns the norm
 * before. Parameters without a gradient are ignored. For gradients from `grad`, use `optim.clipGradNorm`.
 */
export function clipGradNorm_(parameters: Iterable<Tensor>, most: number): Tensor {
  return clipGradNorm(
    Array.from(parameters, ({ grad }) => grad).filter((gradient) => gradient !== null),
    most,
  );
}
