/** Products of several tensors. */
import { call } from "./dispatch.js";
import type { Tensor } from "./tensor.js";

/** Sums of products by the letters of their dimensions, as `torch.einsum`: `einsum("bij,bjk->bik", a, b)`. */
export function einsum(equation: string, ...tensors: Tensor[]): Tensor {
  return call("einsum", equation, tensors);
}
