/**
 * Adversarial losses: AttnGAN's (Xu et al., CVPR 2018, eq. 4 and 5, with the mismatched pairs of the published code) and
 * DF-GAN's hinge loss.
 */
import { full, functional, type Tensor } from "@sdgan/torch";
import type { LossTerm } from "./terms.js";

/** The two heads' logits of a batch of images: [B] each. */
export interface DiscriminatorLogits {
  unconditional: Tensor;
  conditional: Tensor;
}

/** `bce`: AttnGAN's binary cross entropy. `hinge`: DF-GAN's hinge loss. */
export type AdversarialLoss = "bce" | "hinge";

/**
 * The terms of one discriminator's loss. `bce`:
 *
 *   L_D = ½ [bce(real, 1) + bce(real|s, 1)] + ⅓ [bce(fake, 0) + bce(fake|s, 0) + bce(real|wrong s, 0)]
 *
 * `hinge` (Tao et al., "DF-GAN", CVPR 2022, arXiv 2008.05865, whose discriminator has a conditional head only; the
 * unconditional head has the same loss without wrong pairs, as in Lim and Ye, "Geometric GAN", 2017, arXiv 1705.02894):
 *
 *   L_D = E[max(0, 1 − real)] + E[max(0, 1 + fake)]
 *       + E[max(0, 1 − real|s)] + ½ E[max(0, 1 + fake|s)] + ½ E[max(0, 1 + real|wrong s)]
 *
 * @param wrong logits of real images with another image's sentence: [B'] (B − 1 in the published code)
 */
export function discriminatorTerms(
  real: DiscriminatorLogits,
  fake: DiscriminatorLogits,
  wrong: Tensor,
  loss: AdversarialLoss = "bce",
): LossTerm[] {
  const { asReal, asGenerated, weights } = losses[loss];
  return [
    { name: "real", value: asReal(real.unconditional), weight: weights.real },
    { name: "realConditional", value: asReal(real.conditional), weight: weights.real },
    { name: "fake", value: asGenerated(fake.unconditional), weight: weights.fake },
    { name: "fakeConditional", value: asGenerated(fake.conditional), weight: weights.mismatched },
    { name: "wrong", value: asGenerated(wrong), weight: weights.mismatched },
  ];
}

/**
 * One stage's adversarial terms of the generator's loss: bce(fake, 1) + bce(fake|s, 1), or, with `hinge`,
 * −E[fake] − E[fake|s].
 */
export function generatorTerms(fake: DiscriminatorLogits, loss: AdversarialLoss = "bce"): LossTerm[] {
  const { deceived } = losses[loss];
  return [
    { name: "fake", value: deceived(fake.unconditional), weight: 1 },
    { name: "fakeConditional", value: deceived(fake.conditional), weight: 1 },
  ];
}

/** The loss of logits that should say "real" or "generated", that of a generator that should deceive, and weights in L_D. */
interface Losses {
  asReal(logits: Tensor): Tensor;
  asGenerated(logits: Tensor): Tensor;
  deceived(logits: Tensor): Tensor;
  /** `mismatched`: of pairs of image and sentence that are not real images with their own. */
  weights: { real: number; fake: number; mismatched: number };
}

const losses: Record<AdversarialLoss, Losses> = {
  bce: {
    asReal: (logits) => bce(logits, 1),
    asGenerated: (logits) => bce(logits, 0),
    deceived: (logits) => bce(logits, 1),
    weights: { real: 1 / 2, fake: 1 / 3, mismatched: 1 / 3 },
  },
  hinge: {
    asReal: (logits) => logits.neg().add(1).relu().mean(),
    asGenerated: (logits) => logits.add(1).relu().mean(),
    deceived: (logits) => logits.mean().neg(),
    weights: { real: 1, fake: 1, mismatched: 1 / 2 },
  },
};

/** Mean binary cross entropy of logits with the same target for all, numerically stable. */
function bce(logits: Tensor, target: number): Tensor {
  const { dtype, device, shape } = logits;
  return functional.binaryCrossEntropyWithLogits(logits, full(shape, target, { dtype, device }));
}
