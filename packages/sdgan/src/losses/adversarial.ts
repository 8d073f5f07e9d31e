/** AttnGAN's adversarial losses (Xu et al., CVPR 2018, eq. 4 and 5, with the mismatched pairs of the published code). */
import { full, functional, type Tensor } from "@sdgan/torch";
import type { LossTerm } from "./terms.js";

/** The two heads' logits of a batch of images: [B] each. */
export interface DiscriminatorLogits {
  unconditional: Tensor;
  conditional: Tensor;
}

/**
 * The terms of one discriminator's loss:
 *
 *   L_D = ½ [bce(real, 1) + bce(real|s, 1)] + ⅓ [bce(fake, 0) + bce(fake|s, 0) + bce(real|wrong s, 0)]
 *
 * @param wrong logits of real images with another image's sentence: [B'] (B − 1 in the published code)
 */
export function discriminatorTerms(
  real: DiscriminatorLogits,
  fake: DiscriminatorLogits,
  wrong: Tensor,
): LossTerm[] {
  return [
    { name: "real", value: bce(real.unconditional, 1), weight: 1 / 2 },
    { name: "realConditional", value: bce(real.conditional, 1), weight: 1 / 2 },
    { name: "fake", value: bce(fake.unconditional, 0), weight: 1 / 3 },
    { name: "fakeConditional", value: bce(fake.conditional, 0), weight: 1 / 3 },
    { name: "wrong", value: bce(wrong, 0), weight: 1 / 3 },
  ];
}

/** One stage's adversarial terms of the generator's loss: bce(fake, 1) + bce(fake|s, 1). */
export function generatorTerms(fake: DiscriminatorLogits): LossTerm[] {
  return [
    { name: "fake", value: bce(fake.unconditional, 1), weight: 1 },
    { name: "fakeConditional", value: bce(fake.conditional, 1), weight: 1 },
  ];
}

/** Mean binary cross entropy of logits with the same target for all, numerically stable. */
function bce(logits: Tensor, target: number): Tensor {
  const { dtype, device, shape } = logits;
  return functional.binaryCrossEntropyWithLogits(logits, full(shape, target, { dtype, device }));
}
