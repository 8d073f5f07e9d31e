/** Pooling as layers: [B, C, H, W] → [B, C, H', W']. */
import * as functional from "../functional.js";
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** Largest values of squares or rectangles. */
export class MaxPool2d extends Module {
  constructor(
    readonly kernel: functional.Pair,
    readonly options: functional.MaxPoolOptions = {},
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return functional.maxPool2d(input, this.kernel, this.options);
  }
}

/** Means of squares or rectangles. */
export class AvgPool2d extends Module {
  constructor(
    readonly kernel: functional.Pair,
    readonly options: functional.AvgPoolOptions = {},
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return functional.avgPool2d(input, this.kernel, this.options);
  }
}

/** Means of rectangles that cover the image, `size` of them along height and width. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly size: functional.Pair) {
    super();
  }

  forward(input: Tensor): Tensor {
    return functional.adaptiveAvgPool2d(input, this.size);
  }
}
