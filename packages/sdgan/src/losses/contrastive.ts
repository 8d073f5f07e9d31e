/** SD-GAN's contrastive loss between the two Siamese branches (Yin et al., CVPR 2019, §3.1). */
import type { Tensor } from "@sdgan/torch";

export interface ContrastiveOptions {
  /** α: features of two captions of one image are not pulled closer than this. 0 gives Hadsell et al.'s loss (2006). */
  alpha: number;
  /** ε: features of captions of two images are pushed apart up to this distance. */
  epsilon: number;
  /**
   * `raw`: d = ‖v1 − v2‖₂, and the loss is divided by 2N as in the paper. `perElement`: d = ‖v1 − v2‖₂ / √N, which does
   * not grow with N; the loss is divided by 2, since d² already contains 1/N. Both give the same loss for y = 1 if d > α.
   */
  distance: "raw" | "perElement";
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
  const difference = v1.sub(v2).flatten(1); // [B, N]
  const length = difference.norm(1);
  return distance === "raw" ? length : length.div(Math.sqrt(difference.size(1)));
}

/**
 * The contrastive loss, a mean over the pairs of a batch:
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
