/** Normalization of each sample separately, as layers. */
import { ones, zeros } from "../creation.js";
import * as functional from "../functional.js";
import type { Tensor } from "../tensor.js";
import { floatingDtype } from "./floating.js";
import { requireGroups } from "./groups.js";
import { Module } from "./module.js";

/** […, ...shape] → the same, normalized over the last dimensions (Ba et al., 2016). Computes in the input's dtype. */
export class LayerNorm extends Module {
  readonly shape: readonly number[];
  readonly eps: number;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;

  constructor(shape: number | readonly number[], { eps = 1e-5, elementwiseAffine = true } = {}) {
    super();
    this.shape = typeof shape === "number" ? [shape] : shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? this.parameter("weight", ones(this.shape)) : null;
    this.bias = elementwiseAffine ? this.parameter("bias", zeros(this.shape)) : null;
  }

  forward(input: Tensor): Tensor {
    const dtype = floatingDtype("LayerNorm", input);
    const [weight, bias] = [this.weight?.to(dtype) ?? null, this.bias?.to(dtype) ?? null];
    return functional.layerNorm(input, this.shape, { weight, bias, eps: this.eps });
  }
}

/** [B, C, …] → the same, normalized over each of `groups` groups of channels (Wu and He, 2018). Computes in the input's dtype. */
export class GroupNorm extends Module {
  readonly eps: number;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;

  constructor(
    readonly groups: number,
    channels: number,
    { eps = 1e-5, affine = true } = {},
  ) {
    super();
    requireGroups("GroupNorm", groups, channels);
    this.eps = eps;
    this.weight = affine ? this.parameter("weight", ones([channels])) : null;
    this.bias = affine ? this.parameter("bias", zeros([channels])) : null;
  }

  forward(input: Tensor): Tensor {
    const dtype = floatingDtype("GroupNorm", input);
    const [weight, bias] = [this.weight?.to(dtype) ?? null, this.bias?.to(dtype) ?? null];
    return functional.groupNorm(input, this.groups, { weight, bias, eps: this.eps });
  }
}
