/** SD-GAN's contrastive loss between the two Siamese branches (Yin et al., CVPR 2019, §3.1). */
import type { Tensor } from "@sdgan/torch";
import { othersOfClass } from "./classes.js";

export interface ContrastiveOptions {
  /** α: features of two captions of one image are not pulled closer than this. 0 gives Hadsell et al.'s loss (2006). */
  alpha: number;
  /** ε: features of captions of two images are pushed apart up to this distance. */
  epsilon: number;
  /** Which distance d of the features, and what the loss is divided by: see `contrastiveLoss`. */
  distance: "unit" | "letter" | "raw" | "perElement";
}

/**
 * The distance between the two branches' features of each pair: [B].
 *
 * @param v1 [B, …]
 * @param v2 [B, …]
 */
export function pairDistances(
  v1: Tensor,
  v2: Tensor,
  { distance }: Pick<ContrastiveOptions, "distance">,
): Tensor {
  const [a, b] = [v1, v2].map((v) => (distance === "unit" ? unitLength(v.flatten(1)) : v.flatten(1)));
  const length = a!.sub(b!).norm(1);
  return distance === "perElement" ? length.div(Math.sqrt(a!.size(1))) : length;
}

/**
 * The contrastive loss, a mean over the pairs of a batch:
 *
 *   L_c = 1/(2N) · Σ_n [ y · max(d, α)² + (1 − y) · max(ε − d, 0)² ],
 *
 * where v1 and v2 are a discriminator's features of the two branches' images, N their length, and y is 1 for two
 * captions of one image, 0 for captions of two images. The formula leaves open which d is meant and whether the sum
 * over n is of N equal terms:
 *
 *   unit        d = ‖v1/‖v1‖ − v2/‖v2‖‖ in 0 … 2, the scale of α = 0.1 and ε = 1;   L_c = ½ · […]
 *   letter      d = ‖v1 − v2‖, with the sum of N equal terms;                       L_c = ½ · […]
 *   raw         d = ‖v1 − v2‖, with a single term;                                  L_c = 1/(2N) · […]
 *   perElement  d = ‖v1 − v2‖ / √N, which equals raw for y = 1 and d > α;           L_c = ½ · […]
 *
 * @param v1 [B, …]
 * @param v2 [B, …]
 * @param same y: [B]
 */
export function contrastiveLoss(
  v1: Tensor,
  v2: Tensor,
  same: Tensor,
  { alpha, epsilon, distance }: ContrastiveOptions,
): Tensor {
  const d = pairDistances(v1, v2, { distance }); // [B]
  const together = d.clamp(alpha).square();
  const apart = d.neg().add(epsilon).clamp(0).square();
  const pairs = same.mul(together).add(same.neg().add(1).mul(apart));
  const N = v1.numel / v1.size(0);
  return pairs.mean().div(distance === "raw" ? 2 * N : 2);
}

export interface InfoNceOptions {
  /** τ: cosines are divided by it. */
  temperature: number;
}

/**
 * InfoNCE (van den Oord et al., 2018, arXiv 1807.03748) between the branches, symmetrical as NT-Xent (Chen et al., 2020,
 * arXiv 2002.05709): for each pair with y = 1, the cross entropy of identifying v2 of the pair among all v2 of the batch
 * by cosines over τ, and v1 likewise; a mean over these pairs and both directions, 0 if there are none. Features of the
 * same class as the pair's do not count as wrong answers.
 *
 * @param v1 [B, …]
 * @param v2 [B, …]
 * @param same y: [B]
 * @param classIds of both branches: [B] each
 */
export function infoNceLoss(
  v1: Tensor,
  v2: Tensor,
  same: Tensor,
  classIds: readonly [Tensor, Tensor] | undefined,
  { temperature }: InfoNceOptions,
): Tensor {
  const [a, b] = [unitLength(v1.flatten(1)), unitLength(v2.flatten(1))];
  const scores = a.matmul(b.t()).div(temperature); // [B, B]
  const own = a.mul(b).sum(1).div(temperature); // [B], the diagonal
  const wrong = classIds ? scores.maskedFill(othersOfClass(...classIds), -Infinity) : scores;
  const both = wrong.logsumexp(1).add(wrong.t().logsumexp(1)).div(2).sub(own); // [B]
  return both.mul(same).sum().div(same.sum().clamp(1));
}

/** Rows of length 1; a row of zeros stays. */
function unitLength(rows: Tensor): Tensor {
  return rows.div(rows.norm(1, true).clamp(1e-12));
}
