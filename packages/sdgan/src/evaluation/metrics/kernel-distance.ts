import type { Random } from "@sdgan/core";
import { call, inferenceMode, scope, type Tensor, tensor } from "@sdgan/torch";
import { meanAndDeviation } from "./mean-and-deviation.js";

export interface KernelDistanceOptions {
  /** Chooses the subsets. */
  random: Random;
  subsets?: number;
  /** Images per subset; all images if there are fewer. */
  subsetSize?: number;
}

/**
 * Kernel distance of two sets of features (Bińkowski et al., 2018; KID if they are Inception features): the
 * unbiased estimate of the squared maximum mean discrepancy with the kernel (x·y / D + 1)³. It can be
 * negative if both sets have the same distribution. Mean and deviation over subsets.
 *
 * @param a [N, D] @param b [M, D], N and M at least 2
 * @throws RangeError for fewer
 */
export function kernelDistance(
  a: Tensor,
  b: Tensor,
  { random, subsets = 100, subsetSize = 1000 }: KernelDistanceOptions,
): { mean: number; deviation: number } {
  const size = Math.min(subsetSize, a.size(0), b.size(0));
  if (size < 2) throw new RangeError(`kernel distance: at least 2 images are needed, found ${size}`);
  const distances = inferenceMode(() =>
    Array.from({ length: subsets }, () =>
      scope(() => discrepancy(subset(a, size, random), subset(b, size, random))),
    ),
  );
  return meanAndDeviation(distances);
}

function subset(features: Tensor, size: number, random: Random): Tensor {
  const rows = random.shuffled(Array.from({ length: features.size(0) }, (_, i) => i)).slice(0, size);
  return features.indexSelect(0, tensor(rows, { dtype: "int64", device: features.device })).to("float64");
}

function discrepancy(x: Tensor, y: Tensor): number {
  const n = x.size(0);
  const within = (one: Tensor) => {
    const k = kernel(one, one);
    return k
      .sum()
      .sub(call<Tensor>("trace", k))
      .div(n * (n - 1));
  };
  return within(x).add(within(y)).sub(kernel(x, y).mean().mul(2)).item();
}

function kernel(x: Tensor, y: Tensor): Tensor {
  const base = x.matmul(y.t()).div(x.size(1)).add(1);
  return base.square().mul(base);
}
