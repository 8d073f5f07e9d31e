import { inferenceMode, isTensor, type Tensor } from "@sdgan/torch";
import { mean } from "../../util/lists.js";
import { meanAndDeviation } from "./mean-and-deviation.js";

export interface InceptionScore {
  mean: number;
  /** Deviation over the splits (of the population, as the published code takes it); 0 for one split. */
  deviation: number;
}

/**
 * Inception Score (Salimans et al., 2016): exp E_x KL(p(y|x) ‖ p(y)), high where each image is surely of some class
 * and all images together are of many. Of each of `splits` parts as equal as can be, in the order given, as in the
 * published code. For a network that tells several things of an image, each among classes of its
 * own, KL is their mean: the score is the geometric mean of theirs.
 *
 * @param probabilities [N, classes], rows that add up to 1; or several such
 * @throws RangeError for fewer images than splits
 */
export function inceptionScore(
  probabilities: Tensor | readonly [Tensor, ...Tensor[]],
  splits = 10,
): InceptionScore {
  const heads = isTensor(probabilities) ? ([probabilities] as const) : probabilities;
  const N = heads[0].size(0);
  if (N < splits) throw new RangeError(`Inception Score: ${N} images cannot be ${splits} splits`);
  const scores = inferenceMode(() =>
    Array.from({ length: splits }, (_, split) => {
      const [start, end] = [split, split + 1].map((part) => Math.floor((part * N) / splits)) as [
        number,
        number,
      ];
      const divergences = heads.map((head) => divergence(head.narrow(0, start, end - start)));
      return Math.exp(mean(divergences));
    }),
  );
  return meanAndDeviation(scores);
}

/** E_x KL(p(y|x) ‖ p(y)) of p [N, classes]. */
function divergence(probabilities: Tensor): number {
  const p = probabilities.to("float64");
  return p
    .mul(logOf(p).sub(logOf(p.mean([0], true))))
    .sum(1)
    .mean()
    .item();
}

/** log p where p · log p is still 0 for p = 0. */
function logOf(p: Tensor): Tensor {
  return p.clamp(1e-300).log();
}
