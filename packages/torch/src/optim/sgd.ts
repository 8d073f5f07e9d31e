/** Stochastic gradient descent with momentum (Sutskever et al., 2013), as PyTorch's. */
import { call } from "../dispatch.js";
import { keep } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { laidOutAlike, Optimizer, type Parameters, type Trained, zeroState } from "./optimizer.js";

export interface SgdOptions {
  learningRate?: number;
  momentum?: number;
  /** The share of the gradient that is not added to the momentum, from the second step. */
  dampening?: number;
  /** Steps along the gradient plus the updated momentum. Needs momentum, and no dampening. */
  nesterov?: boolean;
  /** weightDecay · parameter is added to the gradient. */
  weightDecay?: number;
}

/**
 * momentum buffer b ← momentum · b + (1 − dampening) · g, at first g; parameter ← parameter − learningRate · b, or
 * − learningRate · (g + momentum · b) with `nesterov`; g alone without momentum.
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** Of the parameters that have had a gradient. */
  readonly #buffers = new Map<string, Tensor>();

  constructor(parameters: Parameters, options: SgdOptions = {}) {
    const { learningRate = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
    super(parameters, learningRate);
    if (nesterov && (momentum <= 0 || dampening !== 0))
      throw new TypeError(
        `SGD: nesterov needs a momentum above 0 and a dampening of 0, found ${momentum} and ${dampening}`,
      );
    this.momentum = momentum;
    this.dampening = dampening;
    this.nesterov = nesterov;
    this.weightDecay = weightDecay;
  }

  protected override move(trained: readonly Trained[]): void {
    const parameters = trained.map(({ parameter }) => parameter);
    const gradients = trained.map(laidOutAlike);
    const decayed =
      this.weightDecay === 0
        ? gradients
        : call<Tensor[]>("_foreach_add.List", gradients, parameters, this.weightDecay);
    const direction = this.momentum === 0 ? decayed : this.#directions(trained, decayed);
    call("_foreach_add_.List", parameters, direction, -this.learningRate);
  }

  #directions(trained: readonly Trained[], gradients: readonly Tensor[]): readonly Tensor[] {
    const buffers = trained.map(({ name }, i) => {
      const old = this.#buffers.get(name);
      if (old) return call<Tensor>("add_.Tensor", old.mul_(this.momentum), gradients[i]!, 1 - this.dampening);
      const first = keep(gradients[i]!.clone());
      this.#buffers.set(name, first);
      return first;
    });
    return this.nesterov ? call<Tensor[]>("_foreach_add.List", gradients, buffers, this.momentum) : buffers;
  }

  /** `momentum_buffer.NAME` for every parameter that had a gradient, when there is momentum: the tensors themselves. */
  override stateDict(): Map<string, Tensor> {
    return new Map(Array.from(this.#buffers, ([name, buffer]) => [`momentum_buffer.${name}`, buffer]));
  }

  override loadStateDict(state: ReadonlyMap<string, Tensor>, steps: number): void {
    const like = new Map(
      Array.from(this.parameters, ([name, parameter]) => [`momentum_buffer.${name}`, parameter]),
    );
    this.requireState(state, steps, like, () => true);
    this.#buffers.clear();
    for (const [name, parameter] of this.parameters) {
      const saved = state.get(`momentum_buffer.${name}`);
      if (saved) this.#buffers.set(name, zeroState(parameter).copy_(saved));
    }
    this.setSteps(steps);
  }
}
