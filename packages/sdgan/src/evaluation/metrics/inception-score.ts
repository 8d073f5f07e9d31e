import { inferenceMode, type Tensor } from "@sdgan/torch";
import { meanAndDeviation } from "./mean-and-deviation.js";

export interface InceptionScore {
  mean: number;
  /** Deviation over the splits (of the population, as the published code takes it); 0 for one split. */
  deviation: number;
}

/**
 * Inception Score (Salimans et al., 2016): exp E_x KL(p(y|x) ‖ p(y)), high where each picture is surely of some class
 * and all pictures together are of many. Of each of `splits` equal parts, in the order given; what does not fill a part
 * is left out, as in the published code.
 *
 * @param probabilities [N, classes], rows that add up to 1
 * @throws RangeError for fewer pictures than splits
 */
export function inceptionScore(probabilities: Tensor, splits = 10): InceptionScore {
  const size = Math.floor(probabilities.size(0) / splits);
  if (size < 1)
    throw new RangeError(`Inception Score: ${probabilities.size(0)} pictures cannot be ${splits} splits`);
  const scores = inferenceMode(() =>
    Array.from({ length: splits }, (_, split) => {
      const p = probabilities.narrow(0, split * size, size).to("float64");
      return Math.exp(
        p
          .mul(logOf(p).sub(logOf(p.mean([0], true))))
          .sum(1)
          .mean()
          .item(),
      );
    }),
  );
  return meanAndDeviation(scores);
}

/** log p where p · log p is still 0 for p = 0. */
function logOf(p: Tensor): Tensor {
  return p.clamp(1e-300).log();
}
