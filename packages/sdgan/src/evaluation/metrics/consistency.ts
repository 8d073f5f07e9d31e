import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import type { Random } from "../../random.js";
import { rowDistances, squaredDistances } from "./distances.js";
import { drawOthers, shareRankedFirst } from "./ranking.js";

export interface Consistency {
  /**
   * Mean distance of pictures drawn from two captions of one picture, over that of pictures drawn from captions of
   * different ones: 1 where captions of one picture have nothing in common, less where they draw the same.
   */
  ratio: number;
  /** Share of pictures whose nearest, among the partner caption's and others, is the partner's. */
  retrieval: number;
}

export interface ConsistencyOptions {
  random: Random;
  /** Pictures a picture is compared with: its partner, and others. */
  candidates?: number;
}

/**
 * Semantic consistency, SD-GAN's claim (Yin et al., 2019): whoever says it, and however, the same bird is drawn. Both
 * pictures of a pair are drawn with the same z, so that words alone tell them apart.
 *
 * @param first [N, D] features of pictures drawn from one caption of each of N real pictures
 * @param second [N, D] … and from another caption of the same
 * @throws RangeError for fewer pictures than candidates
 */
export function semanticConsistency(
  first: Tensor,
  second: Tensor,
  { random, candidates = 100 }: ConsistencyOptions,
): Consistency {
  const N = first.size(0);
  if (N < candidates || candidates < 2)
    throw new RangeError(`semantic consistency: ${candidates} pictures are needed, and there are ${N}`);
  return inferenceMode(() =>
    scope(() => {
      const distances = squaredDistances(first, second);
      const roots = distances.sqrt();
      const own = rowDistances(first, second);
      const between = roots
        .sum()
        .sub(own.sum())
        .div(N * (N - 1));
      const others = (i: number) => drawOthers(candidates - 1, N, (j) => j !== i, random);
      return {
        ratio: own.mean().div(between).item(),
        retrieval: shareRankedFirst(distances.neg(), others),
      };
    }),
  );
}
