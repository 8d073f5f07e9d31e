/**
 * Gradient penalties of a discriminator: its logits of real images must not change steeply with the image, so that the
 * generator's gradients stay useful and training converges. Their gradients are second derivatives of the discriminator.
 *
 * With batch normalization an image's logits depend on the whole batch, and so does its gradient: it is that of the sum over
 * the batch, as is usual. The papers' discriminators have no batch normalization (here `discriminator.norm=spectral`).
 */
import { grad, type Tensor } from "@sdgan/torch";
import type { DiscriminatorLogits } from "./adversarial.js";

export interface PenaltyOptions {
  kind: "r1" | "matchingAware";
  /** The exponent of `matchingAware`. */
  power: number;
}

/** A discriminator: images [B, 3, S, S] and their sentences [B, D] → logits [B] of both heads. */
type LogitsOf = (image: Tensor, sentence: Tensor) => DiscriminatorLogits;

/**
 * The penalty for real images with their own sentences, without its weight: a scalar that can be differentiated by the
 * discriminator's parameters.
 *
 * - `r1` (Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018, arXiv 1801.04406):
 *   ½ E[‖∇ₓD(x)‖²], here the sum of both heads' penalties.
 * - `matchingAware` (Tao et al., "DF-GAN", CVPR 2022, arXiv 2008.05865): E[(‖∇ₓD(x, s)‖ + ‖∇ₛD(x, s)‖)ᵖ], of the
 *   conditional head. Real images with matching sentences become smooth minima of the loss around which the generator's
 *   images collect.
 *
 * @param image [B, 3, S, S] in float32 or more
 * @param sentence [B, D]
 */
export function gradientPenalty(
  logitsOf: LogitsOf,
  image: Tensor,
  sentence: Tensor,
  { kind, power }: PenaltyOptions,
): Tensor {
  const [x, s] = [leafOf(image), leafOf(sentence)];
  const { unconditional, conditional } = logitsOf(x, s);
  if (kind === "matchingAware") {
    const [byImage, bySentence] = grad([conditional.sum()], [x, s], { createGraph: true }) as [
      Tensor,
      Tensor,
    ];
    return lengths(byImage).add(lengths(bySentence)).pow(power).mean();
  }
  const perHead = [unconditional, conditional].map((logits) => {
    const [byImage] = grad([logits.sum()], [x], { createGraph: true, retainGraph: true }) as [Tensor];
    return byImage.square().sum().div(image.size(0));
  });
  return perHead[0]!.add(perHead[1]!).div(2);
}

/** The same values, as the start of a graph of its own. */
function leafOf(values: Tensor): Tensor {
  const leaf = values.detach();
  leaf.requiresGrad = true;
  return leaf;
}

/** The Euclidean length of each image's part: [B, …] → [B]. */
function lengths(gradients: Tensor): Tensor {
  return gradients.flatten(1).norm(1);
}
