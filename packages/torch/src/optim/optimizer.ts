/** The base class of optimizers: named parameters, steps along gradients, a state that can be saved. */
import { noGrad } from "../autograd.js";
import { call } from "../dispatch.js";
import { keep, scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";

/** One parameter in a step. */
export interface Trained {
  name: string;
  parameter: Tensor;
  gradient: Tensor;
}

/** Parameters by name, from `namedParameters()`; without names they are called 0, 1, …, as in PyTorch. */
export type Parameters = Iterable<[string, Tensor] | Tensor>;

/** Trains parameters. Its state is saved under their names and can be restored. */
export abstract class Optimizer {
  learningRate: number;
  readonly parameters: Map<string, Tensor>;
  #steps = 0;

  constructor(parameters: Parameters, learningRate: number) {
    this.learningRate = learningRate;
    this.parameters = byName(this.constructor.name, parameters);
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * One step along `gradients`, in the order of the parameters, or without them along the parameters' `grad`, which
   * `backward` has accumulated. A parameter with a null gradient is not changed.
   */
  step(gradients?: readonly (Tensor | null)[]): void {
    if (gradients !== undefined && gradients?.length !== this.parameters.size)
      throw new TypeError(
        `${this.constructor.name}: expected ${this.parameters.size} gradients, one per parameter, found ${gradients?.length}`,
      );
    noGrad(() =>
      scope(() => {
        const trained = [...this.parameters].flatMap(([name, parameter], i): Trained[] => {
          const gradient = gradients ? gradients[i] : parameter.grad;
          return gradient ? [{ name, parameter, gradient }] : [];
        });
        this.#steps += 1;
        if (trained.length > 0) this.move(trained);
      }),
    );
  }

  /** Sets the `grad` of every parameter to null, before the next `backward` adds to it. */
  zeroGrad(): void {
    for (const parameter of this.parameters.values()) parameter.grad = null;
  }

  /** Moves parameters that have a gradient. Called without recording gradients, in a scope: state must be kept. */
  protected abstract move(trained: readonly Trained[]): void;

  /** The state's tensors by name, `KIND.PARAMETER`: the tensors themselves, not copies. */
  abstract stateDict(): Map<string, Tensor>;

  /** Restores the result of `stateDict` after `steps` steps. Throws without changes if it does not fit. */
  abstract loadStateDict(state: ReadonlyMap<string, Tensor>, steps: number): void;

  /**
   * For `loadStateDict`: throws unless `state` has a tensor of the same shape for each of `own`, except those that
   * `isOptional`, and no others.
   */
  protected requireState(
    state: ReadonlyMap<string, Tensor>,
    steps: number,
    own: ReadonlyMap<string, Tensor>,
    isOptional: (name: string) => boolean = () => false,
  ): void {
    const optimizer = this.constructor.name;
    if (!(state instanceof Map)) throw new TypeError(`${optimizer}: expected a Map from names to tensors`);
    if (!Number.isInteger(steps) || steps < 0)
      throw new TypeError(`${optimizer}: expected a number of steps, found ${String(steps)}`);
    for (const [name, tensor] of own) {
      const value = state.get(name);
      if (value === undefined && isOptional(name)) continue;
      if (!isTensor(value)) throw new Error(`${optimizer}'s state lacks ${name}`);
      if (value.shape.join() !== tensor.shape.join())
        throw new Error(`${optimizer}'s state has ${value} for ${name}, expected ${tensor}`);
    }
    for (const name of state.keys())
      if (!own.has(name))
        throw new Error(`${optimizer}'s state has ${name}, which is not a state of its parameters`);
  }

  protected setSteps(steps: number): void {
    this.#steps = steps;
  }
}

/** Zeros for the state of `parameter`. No scope frees them. */
export function zeroState(parameter: Tensor): Tensor {
  return keep(noGrad(() => call<Tensor>("zeros_like", parameter)));
}

/** Gradients in the layout of their parameters: if one differs, `_foreach` launches one operator per tensor. */
export function laidOutAlike({ parameter, gradient }: Pick<Trained, "parameter" | "gradient">): Tensor {
  const alike = gradient.strides.join() === parameter.strides.join();
  return alike ? gradient : call<Tensor>("zeros_like", parameter).copy_(gradient);
}

function byName(optimizer: string, given: Parameters): Map<string, Tensor> {
  const named = new Map<string, Tensor>();
  const names = new Map<Tensor, string>();
  if (typeof given?.[Symbol.iterator] !== "function")
    throw new TypeError(`${optimizer}: expected parameters, found ${typeof given}`);
  for (const item of given) {
    const [name, parameter] = isTensor(item) ? [String(named.size), item] : Array.isArray(item) ? item : [];
    if (typeof name !== "string" || !isTensor(parameter))
      throw new TypeError(`${optimizer}: expected parameters, or pairs of a name and a parameter`);
    if (!parameter.isLeaf)
      throw new TypeError(
        `${optimizer}: "${name}" was computed from other tensors; only leaves can be trained`,
      );
    if (named.has(name))
      throw new TypeError(
        `${optimizer}: two parameters have the name "${name}"; give networks prefixes, as in namedParameters("a.")`,
      );
    const other = names.get(parameter);
    if (other !== undefined)
      throw new TypeError(
        `${optimizer}: "${other}" and "${name}" are the same tensor, which would be updated twice`,
      );
    named.set(name, parameter);
    names.set(parameter, name);
  }
  if (named.size === 0)
    throw new TypeError(
      `${optimizer}: there are no parameters. Layers in #private fields are found only when registered with child(name, layer)`,
    );
  return named;
}
