import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { meanDistance, rowDistances } from "./distances.js";

/**
 * Semantic diversity, the counterweight of consistency: how far apart the images of pairs are, as a share of how far
 * apart any two images are. Of pairs with one caption and two z: what chance adds. Of pairs with one z and two
 * captions that name different attributes: what words add. Towards 0 where that is lost.
 *
 * @param first [N, D] features @param second [N, D], of the partners
 * @param any [M, D], of images of any captions, each with its own z
 * @throws RangeError for fewer than two of them
 */
export function semanticDiversity(first: Tensor, second: Tensor, any: Tensor): number {
  if (any.size(0) < 2)
    throw new RangeError(`semantic diversity: at least 2 images are needed, and there are ${any.size(0)}`);
  return inferenceMode(() => scope(() => rowDistances(first, second).mean().item() / meanDistance(any)));
}
