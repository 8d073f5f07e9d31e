/** Normalization of each sample separately, as in `torch.nn.functional`. */
import { call } from "../dispatch.js";
import type { Tensor } from "../tensor.js";

export interface NormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  eps?: number;
}

/** input […, ...shape], normalized over the last dimensions, which are `shape` (Ba et al., 2016); weight and bias of `shape`. */
export function layerNorm(
  input: Tensor,
  shape: readonly number[],
  { weight, bias, eps = 1e-5 }: NormOptions = {},
): Tensor {
  return call("layer_norm", input, shape, weight ?? undefined, bias ?? undefined, eps);
}

/** input [B, C, …], normalized over each of `groups` groups of channels (Wu and He, 2018); weight and bias [C]. */
export function groupNorm(
  input: Tensor,
  groups: number,
  { weight, bias, eps = 1e-5 }: NormOptions = {},
): Tensor {
  return call("group_norm", input, groups, weight ?? undefined, bias ?? undefined, eps);
}
