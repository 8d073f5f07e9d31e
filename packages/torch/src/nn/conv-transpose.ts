/** Transposed convolution as a layer. */
import { empty } from "../creation.js";
import * as functional from "../functional.js";
import type { Tensor } from "../tensor.js";
import { floatingDtype } from "./floating.js";
import { requireGroups } from "./groups.js";
import * as init from "./init.js";
import type { Conv2dOptions } from "./layers.js";
import { Module } from "./module.js";

export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added at one side, because with a `stride` several input sizes give the same output size. */
  outputPadding?: functional.Pair;
}

/** [B, inChannels, H, W] → [B, outChannels, H', W'], larger by `stride`. Computes in the input's dtype; the parameters keep theirs. */
export class ConvTranspose2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly #options: Omit<functional.ConvTransposeOptions, "bias">;

  constructor(
    inChannels: number,
    outChannels: number,
    kernel: functional.Pair,
    { bias = true, ...options }: ConvTranspose2dOptions = {},
  ) {
    super();
    this.#options = options;
    const groups = requireGroups("ConvTranspose2d", options.groups ?? 1, inChannels, outChannels);
    const [height, width] = (Array.isArray(kernel) ? kernel : [kernel, kernel]) as [number, number];
    this.weight = this.parameter(
      "weight",
      init.kaimingUniform(empty([inChannels, outChannels / groups, height, width])),
    );
    const bound = 1 / Math.sqrt(init.fanIn(this.weight));
    this.bias = bias ? this.parameter("bias", init.uniform(empty([outChannels]), -bound, bound)) : null;
  }

  forward(input: Tensor): Tensor {
    const dtype = floatingDtype("ConvTranspose2d", input);
    const bias = this.bias?.to(dtype) ?? null;
    return functional.convTranspose2d(input, this.weight.to(dtype), { ...this.#options, bias });
  }
}
