/** Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), as PyTorch's. */
import { noGrad } from "../autograd.js";
import { tensor } from "../creation.js";
import { call } from "../dispatch.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { laidOutAlike, Optimizer, type Parameters, type Trained, zeroState } from "./optimizer.js";

export interface AdamOptions {
  learningRate?: number;
  betas?: readonly [number, number];
  eps?: number;
  /** Adam: weightDecay · parameter is added to the gradient. AdamW: learningRate · weightDecay · parameter is subtracted. */
  weightDecay?: number;
}

/** The state of one parameter. */
interface Moments {
  mean: Tensor;
  square: Tensor;
  /** Steps in which it had a gradient. */
  steps: number;
}

/** Trains named parameters. Its state is saved under their names and can be restored. */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly #moments = new Map<string, Moments>();

  constructor(parameters: Parameters, options: AdamOptions = {}) {
    const { learningRate = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
    super(parameters, learningRate);
    this.betas = betas;
    this.eps = eps;
    this.weightDecay = weightDecay;
    for (const [name, parameter] of this.parameters)
      this.#moments.set(name, { mean: zeroState(parameter), square: zeroState(parameter), steps: 0 });
  }

  protected override move(given: readonly Trained[]): void {
    const [beta1, beta2] = this.betas;
    const bySteps = new Map<number, (Trained & Moments)[]>();
    for (const one of this.weightDecay === 0 ? given : this.decay(given)) {
      const moments = this.#moments.get(one.name)!;
      moments.steps += 1;
      const { steps } = moments;
      if (!bySteps.has(steps)) bySteps.set(steps, []);
      bySteps.get(steps)!.push({ ...one, ...moments });
    }
    for (const [steps, trained] of bySteps) {
      const stepSize = this.learningRate / (1 - beta1 ** steps);
      const correction = Math.sqrt(1 - beta2 ** steps);
      const formula = [stepSize, beta1, beta2, correction, this.eps] as const;
      if (trained[0]!.parameter.device !== "cpu") stepTogether(trained, formula);
      else {
        const all = (name: "parameter" | "gradient" | "mean" | "square") => trained.map((one) => one[name]);
        call(
          "node_torch::adam_step_",
          all("parameter"),
          all("gradient"),
          all("mean"),
          all("square"),
          ...formula,
        );
      }
    }
  }

  /** Decays the weights, or adds the decay to the gradients. */
  protected decay(trained: readonly Trained[]): readonly Trained[] {
    return trained.map((one) => ({ ...one, gradient: one.gradient.add(one.parameter, this.weightDecay) }));
  }

  /**
   * `exp_avg.NAME` and `exp_avg_sq.NAME` for every parameter: the tensors themselves, not copies. A parameter without a
   * gradient in some steps also has `step.NAME`, the number of steps in which it had one.
   */
  override stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [name, { mean, square, steps }] of this.#moments) {
      state.set(`exp_avg.${name}`, mean);
      state.set(`exp_avg_sq.${name}`, square);
      if (steps !== this.steps) state.set(`step.${name}`, tensor(steps, { dtype: "int64" }));
    }
    return state;
  }

  override loadStateDict(state: ReadonlyMap<string, Tensor>, steps: number): void {
    scope(() => {
      const like = new Map<string, Tensor>();
      const count = tensor(0, { dtype: "int64" });
      for (const [name, { mean, square }] of this.#moments)
        like.set(`exp_avg.${name}`, mean).set(`exp_avg_sq.${name}`, square).set(`step.${name}`, count);
      this.requireState(state, steps, like, (name) => name.startsWith("step."));
    });
    noGrad(() => {
      for (const [name, { mean, square }] of this.#moments) {
        mean.copy_(state.get(`exp_avg.${name}`)!);
        square.copy_(state.get(`exp_avg_sq.${name}`)!);
      }
    });
    for (const [name, moments] of this.#moments) moments.steps = state.get(`step.${name}`)?.item() ?? steps;
    this.setSteps(steps);
  }
}

/** Adam with decoupled weight decay, which does not enter the moments. */
export class AdamW extends Adam {
  constructor(parameters: Parameters, { weightDecay = 0.01, ...options }: AdamOptions = {}) {
    super(parameters, { ...options, weightDecay });
  }

  protected override decay(trained: readonly Trained[]): readonly Trained[] {
    const parameters = trained.map(({ parameter }) => parameter);
    call("_foreach_mul_.Scalar", parameters, 1 - this.learningRate * this.weightDecay);
    return trained;
  }
}

/**
 * The step of `node_torch::adam_step_` by libtorch's operators. On a GPU, launching an operator takes longer than
 * computing it, so there are eight launches instead of eight per parameter. All must have the same device and dtype.
 */
export function stepTogether(
  trained: readonly (Pick<Trained, "parameter" | "gradient"> & Pick<Moments, "mean" | "square">)[],
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
