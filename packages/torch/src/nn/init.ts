/** Initial values, as in `torch.nn.init`; all in place, from the default generator. */
import { noGrad } from "../autograd.js";
import { randn } from "../creation.js";
import { call } from "../dispatch.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** Incoming connections of one output: of a linear or a convolution weight [O, I, …]. */
export function fanIn(weight: Tensor): number {
  return native
    .shape(weight)
    .slice(1)
    .reduce((product, extent) => product * extent, 1);
}

export function uniform(tensor: Tensor, low: number, high: number): Tensor {
  return noGrad(() => call("uniform_", tensor, low, high));
}

export function normal(tensor: Tensor, mean = 0, std = 1): Tensor {
  return noGrad(() => call("normal_", tensor, mean, std));
}

export function constant(tensor: Tensor, value: number): Tensor {
  return noGrad(() => call("fill_.Scalar", tensor, value));
}

/** Uniform with variance 2 / ((1 + a²) · fan in) (He et al., 2015); a = √5 is PyTorch's default for its layers. */
export function kaimingUniform(weight: Tensor, a = Math.sqrt(5)): Tensor {
  const bound = Math.sqrt(6 / ((1 + a * a) * fanIn(weight)));
  return uniform(weight, -bound, bound);
}

/** A (semi-)orthogonal matrix; all dimensions after the first are its columns (Saxe et al., 2013). */
export function orthogonal(weight: Tensor, gain = 1): Tensor {
  const rows = native.size(weight, 0);
  const columns = fanIn(weight);
  noGrad(() =>
    scope(() => {
      const q = orthonormalColumns(randn([Math.max(rows, columns), Math.min(rows, columns)]));
      weight.copy_((rows < columns ? q.t() : q).reshape(...weight.shape).mul(gain));
    }),
  );
  return weight;
}

/**
 * Q of a = Q·R with a positive diagonal of R. For a matrix that is much taller than wide, R is Cholesky's factor of aᵀ·a,
 * three times as fast as Householder reflections; a nearly square matrix may be too close to singular for that.
 */
function orthonormalColumns(a: Tensor): Tensor {
  const [rows, columns] = native.shape(a) as [number, number];
  if (rows >= 1.5 * columns) {
    const lower = call<Tensor>("linalg_cholesky", a.t().matmul(a));
    return call<Tensor>("linalg_solve_triangular", lower, a.t(), false).t();
  }
  const [q, r] = call<[Tensor, Tensor]>("linalg_qr", a, "reduced");
  return q.mul(call<Tensor>("sign", call<Tensor>("diagonal", r)));
}
