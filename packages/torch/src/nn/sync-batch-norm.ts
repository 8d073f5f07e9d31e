/** Batch normalization whose statistics are those of several processes' batches together. */
import { noGrad } from "../autograd.js";
import { cat, full } from "../creation.js";
import { call } from "../dispatch.js";
import type { BatchNormOptions } from "../functional.js";
import * as functional from "../functional.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** The processes whose batches are normalized together: a `ProcessGroup` of `@sdgan/torch/distributed`. */
export interface StatisticsGroup {
  /** The sum over processes, whose gradient is the sum over processes of the gradients. */
  sum(own: Tensor): Tensor;
}

/**
 * `functional.batchNorm` in training, where a batch consists of those of all processes: mean and variance are computed from
 * the sums of x − c, of its squares, and of their number, over processes, with c the running mean, which all processes have:
 * so the variance is no difference of two large numbers. The sums are in float64. Every process has as many `batches`, which
 * may have different sizes.
 *
 * It is composed of differentiable operations. The gradient goes through the sums, and so to all processes.
 */
export function syncBatchNorm(input: Tensor, options: BatchNormOptions, group: StatisticsGroup): Tensor {
  const { weight, bias, activation = "none", slope = 0.01, eps = 1e-5 } = options;
  const { scale, shift } = functional.attendedModulation(input, options);
  const [B, C] = [input.size(0), input.size(1)];
  const { batches = [B] } = options;
  const wide = input.dtype === "float64" ? "float64" : "float32";
  const perChannel = (values: Tensor) => values.to(wide).view(1, C, ...input.shape.slice(2).map(() => 1));
  const center = options.runningMean?.detach().clone() ?? full([C], 0, { device: input.device });
  const centered = input.to(wide).sub(perChannel(center));
  const parts = consecutive(centered, batches);
  const axes = input.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const sumOf = (values: Tensor) => call<Tensor>("sum.dim_IntList", values, axes, false, "float64");
  const own = parts.flatMap((part) => [
    sumOf(part),
    sumOf(part.square()),
    full([1], part.numel / C, { dtype: "float64", device: input.device }),
  ]);
  const sums = group.sum(cat(own)); // [batches · (2C + 1)]
  const normalized = parts.map((part, i) => {
    const first = i * (2 * C + 1);
    const count = sums.narrow(0, first + 2 * C, 1).detach();
    const mean = sums.narrow(0, first, C).div(count); // Of x − c.
    const variance = sums
      .narrow(0, first + C, C)
      .div(count)
      .sub(mean.square())
      .clamp(0);
    updateRunning(options, { mean: mean.detach().add(center), variance: variance.detach(), count });
    return part.sub(perChannel(mean)).mul(perChannel(variance.add(eps).rsqrt()));
  });
  const whole = normalized.length === 1 ? normalized[0]! : cat(normalized);
  const gamma = weight && perChannel(weight);
  const beta = bias && perChannel(bias);
  const factor = scale ? (gamma ? scale.to(wide).add(gamma) : scale.to(wide)) : gamma;
  const offset = shift ? (beta ? shift.to(wide).add(beta) : shift.to(wide)) : beta;
  const scaled = factor ? whole.mul(factor) : whole;
  const shifted = (offset ? scaled.add(offset) : scaled).to(input.dtype);
  if (activation === "glu") return functional.glu(shifted, 1);
  return activation === "leaky_relu" ? call("leaky_relu", shifted, slope) : shifted;
}

/** Consecutive parts of these sizes. */
function consecutive(values: Tensor, sizes: readonly number[]): Tensor[] {
  let first = 0;
  return sizes.map((size) => {
    first += size;
    return values.narrow(0, first - size, size);
  });
}

function updateRunning(
  { runningMean, runningVar, momentum = 0.1 }: BatchNormOptions,
  { mean, variance, count }: Record<"mean" | "variance" | "count", Tensor>,
): void {
  noGrad(() =>
    scope(() => {
      runningMean?.lerp_(mean.to(runningMean.dtype), momentum);
      const ofSample = variance.mul(count).div(count.sub(1).clamp(1));
      runningVar?.lerp_(ofSample.to(runningVar.dtype), momentum);
    }),
  );
}
