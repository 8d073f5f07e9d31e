import { inferenceMode, isTensor, type Tensor } from "@sdgan/torch";
import { mean } from "../../util/lists.js";
import { meanAndDeviation } from "./mean-and-deviation.js";

export interface InceptionScore {
  mean: number;
  /** Population standard deviation over the splits, as in the published code; 0 for one split. */
  deviation: number;
}

/**
 * Inception Score (Salimans et al., 2016): exp E_x KL(p(y|x) ‖ p(y)). It is high if each image clearly
 * belongs to one class and all images together cover many classes. It is computed for each of `splits` parts
 * of nearly equal size, in the given order, as in the published code. For a network with several heads, KL is
 * averaged over the heads: the score is the geometric mean of the heads' scores.
 *
 * @param probabilities [N, classes], rows with sum 1; or one such tensor per head
 * @throws RangeError for fewer images than splits
 */
export function inceptionScore(
  probabilities: Tensor | readonly [Tensor, ...Tensor[]],
  splits = 10,
): InceptionScore {
  const heads = isTensor(probabilities) ? ([probabilities] as const) : probabilities;
  const N = heads[0].size(0);
  if (N < splits)
    throw new RangeError(`Inception Score: ${N} images cannot be divided into ${splits} splits`);
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

/** log p, clamped such that p · log p is 0 for p = 0. */
function logOf(p: Tensor): Tensor {
  return p.clamp(1e-300).log();
}
