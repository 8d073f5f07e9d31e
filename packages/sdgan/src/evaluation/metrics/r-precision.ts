import type { Random } from "@sdgan/core";
import { inferenceMode, type Tensor } from "@sdgan/torch";
import { cosines, inRows } from "./distances.js";
import { meanAndDeviation } from "./mean-and-deviation.js";
import { countRankedFirst, sampleOthers } from "./ranking.js";

export interface RPrecisionOptions {
  /** Samples the wrong captions. */
  random: Random;
  /** Number of captions that an image is compared with, its own included. */
  candidates?: number;
  /** Number of repetitions, each with other wrong captions. */
  repeats?: number;
}

/**
 * R-precision (Xu et al., 2018, §4): the share of images whose own caption has the largest cosine in DAMSM's
 * common space among `candidates` captions. The other captions are of images of other classes. Mean and
 * deviation over `repeats`; chance is 1 / candidates.
 *
 * @param codes [N, D], of images @param sentences [N, D], of their captions
 * @param classIds [N]
 * @throws RangeError if there are too few captions of other classes for a class
 */
export function rPrecision(
  codes: Tensor,
  sentences: Tensor,
  classIds: readonly number[],
  { random, candidates = 100, repeats = 10 }: RPrecisionOptions,
): { mean: number; deviation: number } {
  const sizes = new Map<number, number>();
  for (const id of classIds) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  for (const [id, size] of sizes) {
    if (classIds.length - size < candidates - 1)
      throw new RangeError(
        `R-precision: ${candidates - 1} captions of other classes are needed, and class ${id} has ` +
          `${classIds.length - size}`,
      );
  }
  const N = classIds.length;
  const others = (i: number) => sampleOthers(candidates - 1, N, (j) => classIds[j] !== classIds[i], random);
  const found = new Array<number>(repeats).fill(0);
  inferenceMode(() =>
    inRows(codes, (rows, first) => {
      const scores = cosines(rows, sentences);
      for (const repeat of found.keys()) found[repeat]! += countRankedFirst(scores, first, others);
    }),
  );
  return meanAndDeviation(found.map((count) => count / N));
}
