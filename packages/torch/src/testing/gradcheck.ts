/** Checks gradients against central finite differences, for tests. */
import { enableGrad, gradOrNull, noGrad } from "../autograd.js";
import { randn, tensor, zerosLike } from "../creation.js";
import { Generator } from "../random.js";
import { scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

export interface GradcheckOptions {
  /** The step of the finite differences. */
  eps?: number;
  /** The largest relative error. */
  tolerance?: number;
}

/** The function: of the given inputs, or of the same tensors used elsewhere, such as a layer's parameters. */
export type Differentiable = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Errors of gradients below this share of the input's largest are relative to that share. */
const SMALL = 1e-3;

/**
 * Compares the gradient of every element of every input with (f(x + eps) − f(x − eps)) / (2·eps), where f is the sum of
 * all outputs, each element times a fixed random number. Inputs are float64 leaves; they are changed in place and
 * restored. Passes if |analytic − numeric| ≤ tolerance · max(|analytic|, |numeric|, largest of this input / 1000), plus
 * the rounding error of a difference.
 *
 * @returns the worst relative error
 * @throws {TypeError} if an input is not a float64 leaf
 * @throws {Error} with the first wrong element, or if `fn` gives different results for the same inputs
 */
export function gradcheck(
  fn: Differentiable,
  inputs: readonly Tensor[],
  { eps = 1e-5, tolerance = 1e-5 }: GradcheckOptions = {},
): number {
  for (const [i, input] of inputs.entries()) {
    if (input.dtype !== "float64" || !input.isLeaf)
      throw new TypeError(`gradcheck: input ${i} is ${input}, expected a float64 leaf`);
  }
  const before = inputs.map((input) => input.requiresGrad);
  for (const input of inputs) input.requiresGrad = true;
  try {
    return enableGrad(() => scope(() => compare(fn, inputs, eps, tolerance)));
  } finally {
    for (const [i, input] of inputs.entries()) input.requiresGrad = before[i]!;
  }
}

/** Like `gradcheck`, for the gradient of `fn`: checks its second derivatives. */
export function gradgradcheck(
  fn: Differentiable,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): number {
  const firstDerivatives = (...given: Tensor[]) =>
    gradOrNull([projected(fn, given).sum], given, { createGraph: true }).map(
      (gradient, i) => gradient ?? zerosLike(given[i]!),
    );
  return gradcheck(firstDerivatives, inputs, options);
}

function compare(fn: Differentiable, inputs: readonly Tensor[], eps: number, tolerance: number): number {
  const { sum, magnitude } = projected(fn, inputs);
  if (value(fn, inputs) !== sum.item())
    throw new Error("gradcheck: the function gives different results for the same inputs; use a fixed seed");
  const analytic = sum.requiresGrad ? gradOrNull([sum], inputs) : inputs.map(() => null);
  const rounding = (8 * Number.EPSILON * magnitude) / eps;

  let worst = 0;
  for (const [i, input] of inputs.entries()) {
    const numeric = differences(fn, inputs, input, eps);
    const exact = analytic[i]?.toNumbers() ?? numeric.map(() => 0);
    const largest = numeric.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    for (const [j, expected] of numeric.entries()) {
      const found = exact[j]!;
      const scale = Math.max(Math.abs(found), Math.abs(expected), SMALL * largest);
      const error = Math.max(0, Math.abs(found - expected) - rounding);
      // This form of the condition fails for NaN.
      if (!(error <= tolerance * scale))
        throw new Error(
          `gradcheck: input ${i} (${input}), element ${j}: the gradient is ${found}, ` +
            `finite differences give ${expected} (relative error ${(error / scale).toExponential(2)})`,
        );
      if (scale > 0) worst = Math.max(worst, error / scale);
    }
  }
  return worst;
}

/** The outputs as one number, and the size of its terms. */
function projected(fn: Differentiable, inputs: readonly Tensor[]): { sum: Tensor; magnitude: number } {
  const result = fn(...inputs);
  const outputs = isTensor(result) ? [result] : result;
  const generator = Generator.seeded(1);
  const terms = outputs.map((output) => {
    const weights = randn(output.shape, { dtype: "float64", device: output.device, generator });
    return output.mul(weights);
  });
  const sum = terms.map((term) => term.sum()).reduce((a, b) => a.add(b));
  const magnitude = terms.reduce((total, term) => total + term.detach().abs().sum().item(), 0);
  return { sum, magnitude };
}

function value(fn: Differentiable, inputs: readonly Tensor[]): number {
  return scope(() => projected(fn, inputs).sum.item());
}

/** d f / d element by central differences, for every element of one input. */
function differences(fn: Differentiable, inputs: readonly Tensor[], input: Tensor, eps: number): number[] {
  const original = input.toNumbers();
  const put = (values: readonly number[]) =>
    noGrad(() => scope(() => void input.copy_(tensor(Float64Array.from(values), { shape: input.shape }))));
  try {
    return original.map((x, j) => {
      // The actual distance, because x ± eps are rounded.
      const [above, below] = [x + eps, x - eps];
      put(original.with(j, above));
      const high = value(fn, inputs);
      put(original.with(j, below));
      const low = value(fn, inputs);
      return (high - low) / (above - below);
    });
  } finally {
    put(original);
  }
}
