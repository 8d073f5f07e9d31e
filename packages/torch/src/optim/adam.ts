/** Adam (Kingma and Ba, 2015), as PyTorch's. */
import { noGrad } from "../autograd.js";
import { zerosLike } from "../creation.js";
import { call } from "../dispatch.js";
import { keep, scope } from "../scope.js";
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

/** What one step moves. */
interface Trained extends Moments {
  parameter: Tensor;
  gradient: Tensor;
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
    const formula = [stepSize, beta1, beta2, correction, this.eps] as const;
    const trained = [...this.parameters].flatMap(([name, parameter], i): Trained[] => {
      const gradient = gradients[i];
      return gradient ? [{ parameter, gradient, ...this.#moments.get(name)! }] : [];
    });
    if (trained[0]?.parameter.device === "cpu") {
      for (const { parameter, gradient, mean, square } of trained)
        call("node_torch::adam_step_", parameter, gradient, mean, square, ...formula);
    } else if (trained.length > 0) stepTogether(trained, formula);
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

/**
 * The step of `node_torch::adam_step_` on all parameters at once: a GPU takes longer to be asked than to compute, and so
 * it is asked eight times, not eight times a parameter. All must be on one device, and of one dtype.
 */
export function stepTogether(
  trained: readonly Trained[],
  [size, beta1, beta2, correction, eps]: readonly [
    size: number,
    beta1: number,
    beta2: number,
    correction: number,
    eps: number,
  ],
): void {
  const all = (name: "parameter" | "mean" | "square") => trained.map((one) => one[name]);
  const [parameters, means, squares] = [all("parameter"), all("mean"), all("square")];
  noGrad(() =>
    scope(() => {
      const gradients = trained.map(laidOutAlike);
      call("_foreach_mul_.Scalar", means, beta1);
      call("_foreach_add_.List", means, gradients, 1 - beta1);
      call("_foreach_mul_.Scalar", squares, beta2);
      call("_foreach_addcmul_.Scalar", squares, gradients, gradients, 1 - beta2);
      const roots = call<Tensor[]>("_foreach_sqrt", squares);
      call("_foreach_div_.Scalar", roots, correction);
      call("_foreach_add_.Scalar", roots, eps);
      call("_foreach_addcdiv_.Scalar", parameters, means, roots, -size);
    }),
  );
}

/** The gradient, in the layout of its parameter: where one of them differs, `_foreach` asks tensor by tensor. */
function laidOutAlike({ parameter, gradient }: Trained): Tensor {
  const alike = gradient.strides.join() === parameter.strides.join();
  return alike ? gradient : zerosLike(parameter).copy_(gradient);
}
