import { call, inferenceMode, type Tensor } from "@sdgan/torch";

/**
 * Fréchet distance of two sets of features, each modelled as a Gaussian (Heusel et al., 2017; FID if they are
 * Inception features): |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½).
 *
 * The trace of the root equals the sum of the singular values of Σ₁^½ Σ₂^½, where both roots are symmetric.
 * Singular values are at least 0, so no root of a negative rounding error is needed. This is stable for
 * singular covariances (fewer images than features), for which a root of the product Σ₁ Σ₂ is not.
 *
 * With centred features X and Y, Σ₁ = XᵀX / (N − 1), so these are also the singular values of X Yᵀ up to a factor: an
 * [N, M] matrix, which is smaller than [D, D] for few images. Inception has 2,048 features.
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
    const few = a.size(0) * b.size(0) < a.size(1) ** 2;
    const between = (few ? betweenSamples : betweenRoots)(first, second);
    const trace = first.variance.add(second.variance).sub(between.mul(2));
    return first.mean.sub(second.mean).square().sum().add(trace).item();
  });
}

interface Gaussian {
  /** [D] */
  mean: Tensor;
  /** X / √(N − 1): [N, D] */
  centred: Tensor;
  /** The trace of the covariance. */
  variance: Tensor;
}

function gaussian(features: Tensor): Gaussian {
  const x = features.to("float64");
  const mean = x.mean([0]);
  const centred = x.sub(mean).div(Math.sqrt(x.size(0) - 1));
  return { mean, centred, variance: centred.square().sum() };
}

function betweenSamples(first: Gaussian, second: Gaussian): Tensor {
  return singularValueSum(first.centred.matmul(second.centred.t()));
}

function betweenRoots(first: Gaussian, second: Gaussian): Tensor {
  const root = ({ centred }: Gaussian) => symmetricRoot(centred.t().matmul(centred));
  return singularValueSum(root(first).matmul(root(second)));
}

const singularValueSum = (matrix: Tensor) => call<Tensor>("linalg_svdvals", matrix).sum();

function symmetricRoot(matrix: Tensor): Tensor {
  const [values, vectors] = call<[Tensor, Tensor]>("linalg_eigh", matrix, "L");
  return vectors.mul(values.clamp(0).sqrt()).matmul(vectors.t());
}
