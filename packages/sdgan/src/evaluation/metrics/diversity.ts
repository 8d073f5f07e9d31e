import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { meanDistance, rowDistances } from "./distances.js";

/**
 * Semantic diversity, the counterweight of consistency: how far apart the pictures of pairs are, as a share of how far
 * apart pictures of any two captions are. Of pairs with one caption and two z: what chance adds. Of pairs with one z and
 * two captions that name different attributes: what words add. Towards 0 where that is lost.
 *
 * @param first [N, D] features @param second [N, D], of the partners
 * @throws RangeError for fewer than two pairs
 */
export function semanticDiversity(first: Tensor, second: Tensor): number {
  const N = first.size(0);
  if (N < 2) throw new RangeError(`semantic diversity: at least 2 pairs are needed, and there are ${N}`);
  return inferenceMode(() => scope(() => rowDistances(first, second).mean().item() / meanDistance(first)));
}
