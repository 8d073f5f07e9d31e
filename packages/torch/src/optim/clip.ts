/** Clipping of gradients. */
import { noGrad } from "../autograd.js";
import { stack } from "../creation.js";
import type { Tensor } from "../tensor.js";

/** Scales `gradients` in place so that their norm, taken together, is at most `most`; returns the norm before. */
export function clipGradNorm(gradients: readonly Tensor[], most: number): Tensor {
  return noGrad(() => {
    const total = stack(gradients.map((gradient) => gradient.norm())).norm();
    const factor = total.add(1e-6).pow(-1).mul(most).clamp(undefined, 1);
    for (const gradient of gradients) gradient.mul_(factor);
    return total;
  });
}
