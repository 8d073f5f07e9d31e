/** Checks of whole networks' gradients, in float64. */
import { grad, type nn, noGrad, randn, scope, type Tensor } from "@sdgan/torch";
import { type Differentiable, type GradcheckOptions, gradcheck } from "@sdgan/torch/testing";

/**
 * Converts a network to float64 and adds noise to every parameter: initial values of zero or one, and
 * orthogonal matrices, would hide errors.
 */
export function inGeneralPosition<Network extends nn.Module>(network: Network, spread = 0.3): Network {
  network.to({ dtype: "float64" });
  noGrad(() => {
    for (const parameter of network.parameters())
      parameter.add_(randn(parameter.shape, { dtype: "float64" }), spread);
  });
  return network;
}

/** `gradcheck` for every element of the inputs and of the network's parameters. */
export function gradcheckNetwork(
  network: nn.Module,
  fn: Differentiable,
  inputs: readonly Tensor[],
  options?: GradcheckOptions,
): number {
  return gradcheck(fn, [...inputs, ...network.parameters()], options);
}

/**
 * Like `gradcheck`, for networks with many parameters: compares directional derivatives of each tensor along
 * random directions with the product of gradient and direction. The step is small, so that few kinks (ReLU)
 * are crossed.
 */
export function gradcheckAlongDirections(
  network: nn.Module,
  fn: Differentiable,
  inputs: readonly Tensor[],
  { eps = 1e-6, tolerance = 1e-5, directions = 2 } = {},
): void {
  scope(() => {
    const tensors = [...inputs, ...network.parameters()];
    for (const tensor of tensors) tensor.requiresGrad = true;
    const weighted = weightedSum(fn(...inputs));
    const gradients = grad([weighted(fn(...inputs))], tensors);
    const value = () => noGrad(() => scope(() => weighted(fn(...inputs)).item()));
    for (const [i, tensor] of tensors.entries()) {
      for (let k = 0; k < directions; k++) {
        const direction = randn(tensor.shape, { dtype: "float64" });
        const expected = slope(value, tensor, direction, eps);
        const found = gradients[i]!.mul(direction).sum().item();
        // A direction may be nearly orthogonal to the gradient.
        const scale = Math.max(Math.abs(expected), 0.1 * gradients[i]!.norm().item());
        const rounding = (64 * Number.EPSILON * Math.abs(value())) / eps;
        // Negated so that NaN fails.
        if (!(Math.abs(found - expected) <= tolerance * scale + rounding))
          throw new Error(
            `gradient of ${tensor} (${i}): slope ${found}, finite differences give ${expected}`,
          );
      }
    }
  });
}

/** A sum of outputs with fixed random weights per element. */
function weightedSum(example: Tensor | readonly Tensor[]) {
  const list = (outputs: Tensor | readonly Tensor[]) => [outputs].flat() as Tensor[];
  const weights = list(example).map(({ shape }) => randn(shape, { dtype: "float64" }));
  return (outputs: Tensor | readonly Tensor[]) =>
    list(outputs)
      .map((output, i) => output.mul(weights[i]!).sum())
      .reduce((total, term) => total.add(term));
}

/** Central difference of `value` along `direction` at `tensor`, which is restored. */
function slope(value: () => number, tensor: Tensor, direction: Tensor, eps: number): number {
  const at = noGrad(() => tensor.detach().clone());
  const moved = (distance: number) => {
    noGrad(() => tensor.copy_(at.add(direction, distance)));
    return value();
  };
  const difference = moved(eps) - moved(-eps);
  noGrad(() => tensor.copy_(at));
  return difference / (2 * eps);
}
