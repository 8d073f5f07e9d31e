/** Pooling of images [B, C, H, W] → [B, C, H', W'], as in `torch.nn.functional`. */
import { call } from "../dispatch.js";
import type { Tensor } from "../tensor.js";
import type { Pair } from "./options.js";

export interface PoolOptions {
  /** By default the size of the kernel: adjacent rectangles. */
  stride?: Pair;
  padding?: Pair;
  /** Whether rectangles that cross the edge count, with the part inside. */
  ceilMode?: boolean;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as zeros or is ignored. */
  countPadding?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  /** Distance of a rectangle's elements in the input. */
  dilation?: Pair;
}

/** Means of `kernel` × `kernel` squares, or of rectangles. Padding counts as zeros, or is ignored without `countPadding`. */
export function avgPool2d(
  input: Tensor,
  kernel: Pair,
  { stride = kernel, padding = 0, ceilMode = false, countPadding = true }: AvgPoolOptions = {},
): Tensor {
  return call("avg_pool2d", input, kernel, stride, padding, ceilMode, countPadding);
}

/** Largest values of `kernel` × `kernel` squares, or of rectangles. Padding is never the largest. */
export function maxPool2d(
  input: Tensor,
  kernel: Pair,
  { stride = kernel, padding = 0, dilation = 1, ceilMode = false }: MaxPoolOptions = {},
): Tensor {
  return call("max_pool2d", input, kernel, stride, padding, dilation, ceilMode);
}

/** Means of rectangles that cover the image, `size` along height and width: [B, C, size, size]. */
export function adaptiveAvgPool2d(input: Tensor, size: Pair): Tensor {
  return call("adaptive_avg_pool2d", input, size);
}

/** Mean over all positions: [B, C, H, W] → [B, C]. */
export function globalAveragePool(input: Tensor): Tensor {
  return call("mean.dim", input, [2, 3], false);
}
