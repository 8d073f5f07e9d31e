import type { Random } from "@sdgan/core";
import { inferenceMode, scope, type Tensor, tensor } from "@sdgan/torch";
import { inRows, rowDistances, squaredDistances } from "./distances.js";
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
 * images. All images of a group are generated with the same z and the same ε, so that they differ by their captions
 * only.
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

/**
 * Mean distance between two images of one class, divided by that between two of different classes. For real images it
 * shows how alike images of one thing are by these features. Undefined if no class has two images, or all images are of
 * one.
 *
 * @param features [N, D]
 * @param classIds [N]
 */
export function classRatio(features: Tensor, classIds: readonly number[]): number | undefined {
  const sizes = new Map<number, number>();
  for (const id of classIds) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  const count = classIds.length;
  const within = [...sizes.values()].reduce((sum, size) => sum + size * (size - 1), 0);
  const between = count * (count - 1) - within;
  if (within === 0 || between === 0) return undefined;
  return inferenceMode(() =>
    scope(() => {
      const classes = tensor([...classIds], { dtype: "int64" });
      const sums = inRows(features, (rows, first) => {
        const distances = squaredDistances(rows, features).sqrt();
        const same = classes.narrow(0, first, rows.size(0)).unsqueeze(1).eq(classes).to("float64");
        return { all: distances.sum().item(), own: distances.mul(same).sum().item() };
      });
      const all = sums.reduce((total, part) => total + part.all, 0);
      // An image's distance to itself is 0 up to rounding.
      const own = sums.reduce((total, part) => total + part.own, 0);
      const apart = (all - own) / between;
      return apart > 0 ? own / within / apart : undefined;
    }),
  );
}
