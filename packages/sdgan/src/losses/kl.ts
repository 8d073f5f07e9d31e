import type { Tensor } from "@sdgan/torch";

/**
 * −½ · mean(1 + log σ² − μ² − σ²): the divergence of N(μ, σ²) from N(0, I), averaged over all elements
 * (Zhang et al., StackGAN, 2017, eq. 2).
 *
 * @param mean μ: [B, C]
 * @param logVariance log σ²: [B, C]
 */
export function klLoss(mean: Tensor, logVariance: Tensor): Tensor {
  return logVariance.add(1).sub(mean.square()).sub(logVariance.exp()).mean().mul(-0.5);
}
