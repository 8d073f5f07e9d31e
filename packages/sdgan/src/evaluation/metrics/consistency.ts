import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import type { Random } from "../../random.js";
import { inRows, rowDistances, squaredDistances } from "./distances.js";
import { countRankedFirst, drawOthers } from "./ranking.js";

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
  const others = (i: number) => drawOthers(candidates - 1, N, (j) => j !== i, random);
  return inferenceMode(() =>
    scope(() => {
      let [found, sum] = [0, 0];
      inRows(first, (rows, start) => {
        const distances = squaredDistances(rows, second);
        sum += distances.sqrt().sum().item();
        found += countRankedFirst(distances.neg(), start, others);
      });
      const own = rowDistances(first, second).sum().item();
      return { ratio: own / N / ((sum - own) / (N * (N - 1))), retrieval: found / N };
    }),
  );
}
