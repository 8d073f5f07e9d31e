import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { meanDistance, rowDistances } from "./distances.js";

/**
 * Semantic diversity, the counterpart of consistency: mean distance between the images of pairs, divided by
 * the mean distance between any two images. Pairs with one caption and two z measure the effect of noise.
 * Pairs with one z and two captions that name different attributes measure the effect of words. 0 if there is
 * no effect.
 *
 * @param first [N, D] features @param second [N, D], of the partners
 * @param any [M, D], of images of any captions, each with its own z; M at least 2
 * @throws RangeError for fewer
 */
export function semanticDiversity(first: Tensor, second: Tensor, any: Tensor): number {
  if (any.size(0) < 2)
    throw new RangeError(`semantic diversity: at least 2 images are needed, found ${any.size(0)}`);
  return inferenceMode(() => scope(() => rowDistances(first, second).mean().item() / meanDistance(any)));
}
