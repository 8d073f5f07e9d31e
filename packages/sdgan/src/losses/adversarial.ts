import { full, functional, type Tensor } from "@sdgan/torch";

/** What one discriminator says of one image batch, as logits: [B] each. */
export interface DiscriminatorLogits {
  unconditional: Tensor;
  conditional: Tensor;
}

/**
 * L_D = ½ [bce(real, 1) + bce(real|s, 1)] + ⅓ [bce(fake, 0) + bce(fake|s, 0) + bce(real|wrong s, 0)]
 *
 * AttnGAN's discriminator loss (Xu et al., 2018, eq. 5, with the wrong pairs of its published code), on logits.
 *
 * @param wrong logits of real images with another image's sentence: [B'] (B − 1 in the published code)
 */
export function discriminatorLoss(
  real: DiscriminatorLogits,
  fake: DiscriminatorLogits,
  wrong: Tensor,
): Tensor {
  const onReal = bce(real.unconditional, 1).add(bce(real.conditional, 1)).div(2);
  const onFake = bce(fake.unconditional, 0).add(bce(fake.conditional, 0)).add(bce(wrong, 0)).div(3);
  return onReal.add(onFake);
}

/** L_G = bce(fake, 1) + bce(fake|s, 1): one stage's term of the generator's loss (Xu et al., 2018, eq. 4). */
export function generatorLoss(fake: DiscriminatorLogits): Tensor {
  return bce(fake.unconditional, 1).add(bce(fake.conditional, 1));
}

/** Mean binary cross entropy of logits with one target, stable for every logit. */
function bce(logits: Tensor, target: number): Tensor {
  const { dtype, device, shape } = logits;
  return functional.binaryCrossEntropyWithLogits(logits, full(shape, target, { dtype, device }));
}
