import type { Random } from "@sdgan/core";
import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { rowDistances, squaredDistances } from "./distances.js";
import { countRankedFirst, sampleOthers } from "./ranking.js";

export interface Consistency {
  /**
   * Mean distance between images generated from two captions of one image, divided by the mean distance
   * between images generated from captions of different images. 1 if captions of one image have nothing in
   * common, 0 if their generated images are equal.
   */
  ratio: number;
  /**
   * Share of images whose nearest image, among that of the partner caption and others, is that of the partner
   * caption.
   */
  retrieval: number;
}

export interface ConsistencyOptions {
  random: Random;
  /** Sizes of consecutive groups of images; by default one group. */
  groups?: readonly number[];
  /** Number of images that an image is compared with: its partner, and others of its group. */
  candidates?: number;
}

/**
 * Semantic consistency, the aim of SD-GAN (Yin et al., 2019): different captions of one image give similar
 * images. All images of a group are generated with the same z, so that they differ by their captions only.
 * With a different z per pair, a generator that ignores the caption would score best.
 *
 * @param first [N, D] features of images generated from one caption of each of N real images
 * @param second [N, D] features of images generated from another caption of each
 * @throws RangeError for a group of fewer images than candidates
 */
export function semanticConsistency(
  first: Tensor,
  second: Tensor,
  { random, groups = [first.size(0)], candidates = 100 }: ConsistencyOptions,
): Consistency {
  const fewest = Math.min(...groups);
  if (fewest < candidates || candidates < 2)
    throw new RangeError(`semantic consistency: ${candidates} images are needed, found ${fewest}`);
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
  // If all images are equal, distances are rounding errors.
  return { ratio: apart > 1e-6 * size ? own / start / apart : 1, retrieval: found / start };
}
