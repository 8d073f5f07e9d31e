import type { Random } from "@sdgan/core";
import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { rowDistances, squaredDistances } from "./distances.js";
import { countRankedFirst, sampleOthers } from "./ranking.js";

export interface Consistency {
  /**
   * Mean distance of images generated from two captions of one image, over that of images generated from captions of
   * different ones: 1 where captions of one image have nothing in common, less where they draw the same.
   */
  ratio: number;
  /** Share of images whose nearest, among the partner caption's and others, is the partner's. */
  retrieval: number;
}

export interface ConsistencyOptions {
  random: Random;
  /** Sizes of the groups that images stand in, one group after another; by default all are one. */
  groups?: readonly number[];
  /** Images an image is compared with: its partner, and others of its group. */
  candidates?: number;
}

/**
 * Semantic consistency, SD-GAN's claim (Yin et al., 2019): whoever says it, and however, the same bird is drawn. All
 * images of a group are drawn with the same z, so that words alone tell them apart: were z another for each pair, a
 * generator that hears nothing would be the most consistent one.
 *
 * @param first [N, D] features of images generated from one caption of each of N real images
 * @param second [N, D] … and from another caption of the same
 * @throws RangeError for a group of fewer images than candidates
 */
export function semanticConsistency(
  first: Tensor,
  second: Tensor,
  { random, groups = [first.size(0)], candidates = 100 }: ConsistencyOptions,
): Consistency {
  const fewest = Math.min(...groups);
  if (fewest < candidates || candidates < 2)
    throw new RangeError(`semantic consistency: ${candidates} images are needed, and there are ${fewest}`);
  let [start, found, own, others, pairs] = [0, 0, 0, 0, 0];
  for (const size of groups) {
    const [one, other] = [first.narrow(0, start, size), second.narrow(0, start, size)];
    inferenceMode(() =>
      scope(() => {
        const distances = squaredDistances(one, other);
        const ownHere = rowDistances(one, other).sum().item();
        own += ownHere;
        others += distances.sqrt().sum().item() - ownHere;
        found += countRankedFirst(distances.neg(), 0, (i) =>
          sampleOthers(candidates - 1, size, (j) => j !== i, random),
        );
      }),
    );
    start += size;
    pairs += size * (size - 1);
  }
  const apart = others / pairs;
  const size = inferenceMode(() => scope(() => first.to("float64").square().sum(1).mean().item() ** 0.5));
  // Where all images are one, words tell nothing apart: distances are those of rounding.
  return { ratio: apart > 1e-6 * size ? own / start / apart : 1, retrieval: found / start };
}
