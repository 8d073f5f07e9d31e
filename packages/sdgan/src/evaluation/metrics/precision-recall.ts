import { call, cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { inRows, squaredDistances } from "./distances.js";

export interface PrecisionRecall {
  /** Share of generated images in the region of the real images: fidelity. */
  precision: number;
  /** Share of real images in the region of the generated images: variety. */
  recall: number;
}

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019). The region of a set is the union of balls around
 * its features; a ball's radius is the distance to the k-th nearest other feature.
 *
 * @param real [N, D] @param generated [M, D], N and M more than k
 * @throws RangeError for fewer
 */
export function precisionRecall(real: Tensor, generated: Tensor, k = 3): PrecisionRecall {
  const fewest = Math.min(real.size(0), generated.size(0));
  if (fewest <= k)
    throw new RangeError(`precision and recall: more than ${k} images are needed, found ${fewest}`);
  return inferenceMode(() =>
    scope(() => {
      const [r, g] = [real.to("float64"), generated.to("float64")];
      return { precision: shareWithin(g, r, radii(r, k)), recall: shareWithin(r, g, radii(g, k)) };
    }),
  );
}

/** [N]: squared distance to the k-th nearest other feature. */
function radii(features: Tensor, k: number): Tensor {
  // The nearest feature is the feature itself, so the k-th nearest other one is number k + 1.
  return cat(
    inRows(
      features,
      (rows) => call<[Tensor, Tensor]>("kthvalue", squaredDistances(rows, features), k + 1, 1)[0],
    ),
  );
}

/** Share of `features` inside a ball around at least one of `centres`. */
function shareWithin(features: Tensor, centres: Tensor, squaredRadii: Tensor): number {
  const within = inRows(features, (rows) => squaredDistances(rows, centres).sub(squaredRadii).amin(1).le(0));
  return cat(within).to("float64").mean().item();
}
