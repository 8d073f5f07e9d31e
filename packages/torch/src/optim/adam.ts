/** Adam (Kingma and Ba, 2015), as PyTorch's. */
import { noGrad } from "../autograd.js";
import { zerosLike } from "../creation.js";
import { call } from "../dispatch.js";
import { keep } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

export interface AdamOptions {
  learningRate?: number;
  betas?: readonly [number, number];
  eps?: number;
}

/** The state of one parameter. */
interface Moments {
  mean: Tensor;
  square: Tensor;
}

/** Trains named parameters. Its state is saved under their names, so that it can be put back. */
export class Adam {
  learningRate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly parameters: Map<string, Tensor>;
  readonly #moments = new Map<string, Moments>();
  #steps = 0;

  constructor(named: Iterable<[string, Tensor]>, options: AdamOptions = {}) {
    const { learningRate = 1e-3, betas = [0.9, 0.999], eps = 1e-8 } = options;
    this.learningRate = learningRate;
    this.betas = betas;
    this.eps = eps;
    this.parameters = new Map(named);
    for (const [name, parameter] of this.parameters) {
      const zero = () => keep(noGrad(() => zerosLike(parameter)));
      this.#moments.set(name, { mean: zero(), square: zero() });
    }
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps;
  }

  /** One step along `gradients`, given in the order of the parameters; null leaves a parameter as it is. */
  step(gradients: readonly (Tensor | null)[]): void {
    if (gradients?.length !== this.parameters.size)
      throw new TypeError(
        `Adam: expected ${this.parameters.size} gradients, one a parameter, found ${gradients?.length}`,
      );
    const [beta1, beta2] = this.betas;
    this.#steps += 1;
    const stepSize = this.learningRate / (1 - beta1 ** this.#steps);
    const correction = Math.sqrt(1 - beta2 ** this.#steps);
    let i = 0;
    for (const [name, parameter] of this.parameters) {
      const gradient = gradients[i++];
      if (!gradient) continue;
      const { mean, square } = this.#moments.get(name)!;
      call(
        "node_torch::adam_step_",
        parameter,
        gradient,
        mean,
        square,
        stepSize,
        beta1,
        beta2,
        correction,
        this.eps,
      );
    }
  }

  /** `exp_avg.NAME` and `exp_avg_sq.NAME` for every parameter: the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, { mean, square }] of this.#moments) {
      state.set(`exp_avg.${name}`, mean);
      state.set(`exp_avg_sq.${name}`, square);
    }
    return state;
  }

  /** Puts back what `stateDict` gave after `steps` steps. Throws, changing nothing, when it does not fit. */
  loadStateDict(state: ReadonlyMap<string, Tensor>, steps: number): void {
    if (!(state instanceof Map)) throw new TypeError("Adam: expected a Map from names to tensors");
    if (!Number.isInteger(steps) || steps < 0)
      throw new TypeError(`Adam: expected a number of steps, found ${String(steps)}`);
    const own = this.stateDict();
    for (const [name, tensor] of own) {
      const value = state.get(name);
      if (!isTensor(value)) throw new Error(`Adam's state lacks ${name}`);
      if (value.shape.join() !== tensor.shape.join())
        throw new Error(`Adam's state has ${value} for ${name}, expected ${tensor}`);
    }
    noGrad(() => {
      for (const [name, tensor] of own) tensor.copy_(state.get(name)!);
    });
    this.#steps = steps;
  }
}
