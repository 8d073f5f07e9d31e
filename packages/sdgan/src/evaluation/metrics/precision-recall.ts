import { call, cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { inRows, squaredDistances } from "./distances.js";

export interface PrecisionRecall {
  /** Share of generated images that lie where real ones do: fidelity. */
  precision: number;
  /** Share of real images that lie where generated ones do: variety. */
  recall: number;
}

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019). Where a set lies is guessed by balls: around each of its
 * features, as far as the k-th nearest of the others.
 *
 * @param real [N, D] @param drawn [M, D], N and M more than k
 * @throws RangeError for fewer
 */
export function precisionRecall(real: Tensor, generated: Tensor, k = 3): PrecisionRecall {
  const fewest = Math.min(real.size(0), generated.size(0));
  if (fewest <= k)
    throw new RangeError(`precision and recall: more than ${k} images are needed, found ${fewest}`);
  return inferenceMode(() =>
    scope(() => {
      const [r, d] = [real.to("float64"), generated.to("float64")];
      return { precision: shareWithin(d, r, radii(r, k)), recall: shareWithin(r, d, radii(d, k)) };
    }),
  );
}

/** [N]: squared distance to the k-th nearest of the others. */
function radii(features: Tensor, k: number): Tensor {
  // The nearest of all is a feature itself.
  return cat(
    inRows(
      features,
      (rows) => call<[Tensor, Tensor]>("kthvalue", squaredDistances(rows, features), k + 1, 1)[0],
    ),
  );
}

/** Share of `features` that lie in a ball of `squaredRadii` around one of `centres`. */
function shareWithin(features: Tensor, centres: Tensor, squaredRadii: Tensor): number {
  const within = inRows(features, (rows) => squaredDistances(rows, centres).sub(squaredRadii).amin(1).le(0));
  return cat(within).to("float64").mean().item();
}
