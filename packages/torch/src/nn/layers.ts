/** Layers with PyTorch's parameter names and initial values. */
import { empty, ones, tensor, zeros } from "../creation.js";
import * as functional from "../functional.js";
import type { Tensor } from "../tensor.js";
import { floatingDtype } from "./floating.js";
import { requireGroups } from "./groups.js";
import * as init from "./init.js";
import { Module } from "./module.js";
import { type StatisticsGroup, syncBatchNorm } from "./sync-batch-norm.js";

/** […, inFeatures] → […, outFeatures]. Computes in the input's dtype; the parameters keep theirs. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true } = {}) {
    super();
    this.weight = this.parameter("weight", init.kaimingUniform(empty([outFeatures, inFeatures])));
    const bound = 1 / Math.sqrt(inFeatures);
    this.bias = bias ? this.parameter("bias", init.uniform(empty([outFeatures]), -bound, bound)) : null;
  }

  forward(input: Tensor): Tensor {
    const dtype = floatingDtype("Linear", input);
    return functional.linear(input, this.weight.to(dtype), this.bias?.to(dtype));
  }
}

export interface Conv2dOptions {
  stride?: functional.Pair;
  padding?: functional.Pair;
  /** Distance of the kernel's elements in the input. */
  dilation?: functional.Pair;
  /** Groups of channels, each convolved separately; as many groups as channels is a depthwise convolution. */
  groups?: number;
  bias?: boolean;
}

/** [B, inChannels, H, W] → [B, outChannels, H', W']. Computes in the input's dtype; the parameters keep theirs. */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly stride: functional.Pair;
  readonly padding: functional.Pair;
  readonly dilation: functional.Pair;
  readonly groups: number;

  constructor(inChannels: number, outChannels: number, kernel: functional.Pair, options: Conv2dOptions = {}) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = requireGroups("Conv2d", groups, inChannels, outChannels);
    const [height, width] = (Array.isArray(kernel) ? kernel : [kernel, kernel]) as [number, number];
    this.weight = this.parameter(
      "weight",
      init.kaimingUniform(empty([outChannels, inChannels / groups, height, width])),
    );
    const bound = 1 / Math.sqrt(init.fanIn(this.weight));
    this.bias = bias ? this.parameter("bias", init.uniform(empty([outChannels]), -bound, bound)) : null;
  }

  forward(input: Tensor): Tensor {
    const dtype = floatingDtype("Conv2d", input);
    const { stride, padding, dilation, groups } = this;
    return functional.conv2d(input, this.weight.to(dtype), {
      bias: this.bias?.to(dtype) ?? null,
      stride,
      padding,
      dilation,
      groups,
    });
  }
}

export interface BatchNormLayerOptions {
  eps?: number;
  /** The weight of a batch in the running statistics, 0.1 by default; null: they are the mean over all batches. */
  momentum?: number | null;
  /** The activation, computed in the same pass over memory. */
  activation?: functional.Activation;
  /** Slope of the leaky ReLU for x < 0. */
  slope?: number;
}

/** [B, C] or [B, C, …]: normalized over all but C (Ioffe and Szegedy, 2015). Statistics are kept in float32. */
export class BatchNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly batchesTracked: Tensor;
  /** See `BatchNormLayerOptions`. May be changed between two batches. */
  momentum: number | null;
  /** In training, the statistics of a batch are those of the batches of all processes of this group; by default its own. */
  group: StatisticsGroup | undefined;
  readonly #options: Omit<BatchNormLayerOptions, "momentum">;

  constructor(
    readonly features: number,
    { momentum = 0.1, ...options }: BatchNormLayerOptions = {},
  ) {
    super();
    this.momentum = momentum;
    this.#options = options;
    this.weight = this.parameter("weight", ones([features]));
    this.bias = this.parameter("bias", zeros([features]));
    this.runningMean = this.buffer("running_mean", zeros([features]));
    this.runningVar = this.buffer("running_var", ones([features]));
    this.batchesTracked = this.buffer("num_batches_tracked", tensor(0, { dtype: "int64" }));
  }

  forward(input: Tensor): Tensor {
    return this.normalize(input);
  }

  /** Forgets all batches: mean 0, variance 1. */
  resetRunningStats(): void {
    this.runningMean.fill_(0);
    this.runningVar.fill_(1);
    this.batchesTracked.fill_(0);
  }

  /** Equals one call per batch, for consecutive batches of these sizes in `input`. */
  forwardBatches(input: Tensor, batches: readonly number[]): Tensor {
    return this.normalize(input, { batches });
  }

  /** `functional.batchNorm` with this layer's parameters, statistics and options. */
  protected normalize(
    input: Tensor,
    more: Pick<functional.BatchNormOptions, "scale" | "shift" | "attend" | "batches"> = {},
  ): Tensor {
    const { weight, bias, runningMean, runningVar, training } = this;
    if (training) this.batchesTracked.add_(more.batches?.length ?? 1);
    if (training && this.momentum === null && more.batches)
      throw new Error("BatchNorm: a momentum of null needs one batch per call, found several");
    // In evaluation it is not used, and a GPU is not waited for.
    const momentum = this.momentum ?? (training ? 1 / this.batchesTracked.item() : 0);
    const options = { weight, bias, runningMean, runningVar, training, momentum, ...this.#options, ...more };
    return training && this.group
      ? syncBatchNorm(input, options, this.group)
      : functional.batchNorm(input, options);
  }
}

/** PyTorch's two names for the same computation here. */
export { BatchNorm as BatchNorm1d, BatchNorm as BatchNorm2d };

/** Integers [B, T] → [B, T, dimension]. Row `paddingIndex` starts at zero and is never trained. */
export class Embedding extends Module {
  readonly weight: Tensor;

  constructor(
    count: number,
    dimension: number,
    readonly paddingIndex = -1,
  ) {
    super();
    const weight = init.normal(empty([count, dimension]));
    if (paddingIndex >= 0) init.constant(weight.select(0, paddingIndex), 0);
    this.weight = this.parameter("weight", weight);
  }

  forward(indices: Tensor): Tensor {
    return functional.embedding(this.weight, indices, this.paddingIndex);
  }
}

/** Zeroes each value with probability `p` in training, and scales the others by 1 / (1 − p). */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
  }

  forward(input: Tensor): Tensor {
    return functional.dropout(input, this.p, this.training);
  }
}
