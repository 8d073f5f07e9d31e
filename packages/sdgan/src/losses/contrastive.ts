/** SD-GAN's contrastive loss between the two Siamese branches (Yin et al., CVPR 2019, §3.1). */
import type { Tensor } from "@sdgan/torch";

export interface ContrastiveOptions {
  /** α: two captions of one image are drawn no closer than this. 0 gives Hadsell et al.'s loss (2006). */
  alpha: number;
  /** ε: images of different captions are pushed apart as far as this. */
  epsilon: number;
  /**
   * `raw`: d = ‖v1 − v2‖₂, and the loss is over 2N as the paper writes it. `perElement`: d = ‖v1 − v2‖₂ / √N, whose
   * size does not grow with N; the N before the sum is then in d already. Both weigh y = 1 alike when α does not bind.
   */
  distance: "raw" | "perElement";
}

/**
 * The distance of the two branches' features, pair by pair: [B].
 *
 * @param v1 [B, …]
 * @param v2 [B, …]
 */
export function pairDistances(
  v1: Tensor,
  v2: Tensor,
  { distance }: Pick<ContrastiveOptions, "distance">,
): Tensor {
  const difference = v1.sub(v2).flatten(1); // [B, N]
  const length = difference.norm(1);
  return distance === "raw" ? length : length.div(Math.sqrt(difference.size(1)));
}

/**
 * The loss, a mean over the pairs of a batch:
 *
 *   L_c = 1/(2N) · [ y · max(d, α)² + (1 − y) · max(ε − d, 0)² ],   d = ‖v1 − v2‖₂,
 *
 * where v1 and v2 are a discriminator's features of the two branches' images, N their length, and y is 1 for two
 * captions of one image, 0 for captions of two images.
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
