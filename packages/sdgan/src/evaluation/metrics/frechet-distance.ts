import { call, inferenceMode, type Tensor } from "@sdgan/torch";

/**
 * Fréchet distance of two sets of features, each modelled as a Gaussian (Heusel et al., 2017; FID if they are
 * Inception features): |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½).
 *
 * The trace of the root equals the sum of the singular values of Σ₁^½ Σ₂^½, where both roots are symmetric.
 * Singular values are at least 0, so no root of a negative rounding error is needed. This is stable for
 * singular covariances (fewer images than features), for which a root of the product Σ₁ Σ₂ is not.
 *
 * @param a [N, D] @param b [M, D], N and M at least 2
 * @throws RangeError for fewer
 */
export function frechetDistance(a: Tensor, b: Tensor): number {
  for (const features of [a, b]) {
    if (features.size(0) < 2)
      throw new RangeError(`Fréchet distance: at least 2 images are needed, found ${features.size(0)}`);
  }
  return inferenceMode(() => {
    const [first, second] = [gaussian(a), gaussian(b)];
    const roots = symmetricRoot(first.covariance).matmul(symmetricRoot(second.covariance));
    const between = call<Tensor>("linalg_svdvals", roots).sum();
    const trace = diagonalSum(first.covariance).add(diagonalSum(second.covariance)).sub(between.mul(2));
    return first.mean.sub(second.mean).square().sum().add(trace).item();
  });
}

const diagonalSum = (matrix: Tensor) => call<Tensor>("trace", matrix);

function gaussian(features: Tensor): { mean: Tensor; covariance: Tensor } {
  const x = features.to("float64");
  const mean = x.mean([0]);
  const centred = x.sub(mean);
  return {
    mean,
    covariance: centred
      .t()
      .matmul(centred)
      .div(x.size(0) - 1),
  };
}

function symmetricRoot(matrix: Tensor): Tensor {
  const [values, vectors] = call<[Tensor, Tensor]>("linalg_eigh", matrix, "L");
  return vectors.mul(values.clamp(0).sqrt()).matmul(vectors.t());
}
