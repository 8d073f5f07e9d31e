/** Clipping of gradients. */
import { noGrad } from "../autograd.js";
import { stack, tensor } from "../creation.js";
import { scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

/** Scales `gradients` in place so that their norm, taken together, is at most `most`; returns the norm before. */
export function clipGradNorm(gradients: readonly Tensor[], most: number): Tensor {
  if (!Array.isArray(gradients)) throw new TypeError("clipGradNorm: expected an array of gradients");
  for (const gradient of gradients)
    if (!isTensor(gradient)) throw new TypeError("clipGradNorm: expected tensors for gradients");
  if (!(most > 0)) throw new TypeError(`clipGradNorm: expected a norm above 0, found ${String(most)}`);
  if (gradients.length === 0) return tensor(0);
  return noGrad(() =>
    scope(() => {
      const total = stack(gradients.map((gradient) => gradient.norm())).norm();
      const factor = total.add(1e-6).pow(-1).mul(most).clamp(undefined, 1);
      for (const gradient of gradients) gradient.mul_(factor);
      return total;
    }),
  );
}
