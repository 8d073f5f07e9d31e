import { eye, nn, noGrad, ones, scope, type Tensor, tensor, zeros } from "@sdgan/torch";

/**
 * ZCA whitening by running statistics: y = n/√D · Σ^(−1/2) (x − μ), where μ and Σ are mean and covariance of the features
 * seen in training, as in decorrelated batch normalization (Huang et al., CVPR 2018), but without gradients of μ and Σ. All
 * directions of the features then vary alike, and ‖y‖ is about n.
 *
 * A text encoder that is trained to match images gives what it cannot match yet a small part of its features, and what is small
 * is learned slowly: docs/evaluation.md#what-was-tried.
 */
export class Whitening extends nn.Module {
  readonly mean: Tensor;
  readonly covariance: Tensor;
  readonly batches: Tensor;
  /** n/√D · Σ^(−1/2): [D, D]. */
  readonly projection: Tensor;

  /** @param width D */
  constructor(readonly width: number) {
    super();
    this.mean = this.buffer("mean", zeros([width]));
    this.covariance = this.buffer("covariance", zeros([width, width]));
    this.batches = this.buffer("batches", tensor(0, { dtype: "int64" }));
    this.projection = this.buffer("projection", eye(width).mul(norm / Math.sqrt(width)));
  }

  /**
   * In training, the features become part of the statistics first.
   *
   * @param input […, D]
   * @param present bool […]: which features count in the statistics; by default all
   */
  forward(input: Tensor, present?: Tensor): Tensor {
    if (this.training) noGrad(() => scope(() => this.#include(input, present)));
    return input.sub(this.mean).matmul(this.projection);
  }

  #include(input: Tensor, present?: Tensor): void {
    const rows = input.reshape(-1, this.width); // [N, D]
    const weights = present?.reshape(-1, 1).to(rows.dtype) ?? ones([rows.size(0), 1], rows); // [N, 1]
    const count = weights.sum();
    this.batches.add_(1);
    const share = Math.max(momentum, 1 / this.batches.item());
    blend(this.mean, rows.mul(weights).sum(0).div(count), share);
    const centered = rows.sub(this.mean);
    blend(this.covariance, centered.mul(weights).t().matmul(centered).div(count), share);
    this.projection.copy_(inverseRoot(this.covariance).mul(norm / Math.sqrt(this.width)));
  }
}

/** n. DAMSM compares directions, but a GAN learns from longer features faster: docs/evaluation.md#what-was-tried. */
const norm = 4;

/** The share of a batch in the statistics, after the first hundred: those of some hundred batches. */
const momentum = 0.01;

function blend(statistic: Tensor, ofBatch: Tensor, share: number): void {
  statistic.mul_(1 - share).add_(ofBatch.mul(share));
}

/** (Σ + `regularization` · mean variance)^(−1/2) by the coupled Newton-Schulz iteration (Higham, 2008, §6.7). */
function inverseRoot(covariance: Tensor): Tensor {
  const width = covariance.size(0);
  const identity = eye(width, { device: covariance.device });
  const variance = covariance.mul(identity).sum().div(width).clamp(smallest);
  const regular = covariance.add(identity.mul(variance.mul(regularization)));
  const scale = regular.mul(regular).sum().sqrt();
  let [y, z] = [regular.div(scale), identity]; // They converge to the square root and its inverse.
  for (let i = 0; i < iterations; i++) {
    const correction = identity.mul(3).sub(z.matmul(y)).mul(0.5);
    [y, z] = [y.matmul(correction), correction.matmul(z)];
  }
  return z.div(scale.sqrt());
}

/** Limits how much a direction with hardly any variation is amplified: to some three times that of the mean direction. */
const regularization = 0.1;
/** So that equal features do not divide by 0. */
const smallest = 1e-12;
/** Each multiplies the smallest values by up to 1.5 until they converge: enough for a ratio of `width / regularization`. */
const iterations = 16;
