/** Layers compute in their input's dtype, and their parameters keep theirs. A training step casts all of them at once. */
import { call } from "../dispatch.js";
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";

/** The casts of the run that is in progress, by dtype. */
let casts: Map<DType, Map<Tensor, Tensor>> | undefined;

/** A layer's parameter in the dtype that the layer computes in, with gradients. */
export function castOf(parameter: Tensor, dtype: DType): Tensor {
  if (parameter.dtype === dtype) return parameter;
  const known = casts?.get(dtype)?.get(parameter);
  if (known) return known;
  const cast = parameter.to(dtype);
  if (casts) remember(casts, dtype, parameter, cast);
  return cast;
}

/**
 * Casts of a network's parameters, each made once per run, as by the weight cache of PyTorch's autocast. From the second
 * run on, one operator makes all those that layers needed before, with one node for their gradients.
 */
export class ParameterCasts {
  readonly #parameters: ReadonlySet<Tensor>;
  #wanted: [DType, Tensor[]][] = [];

  constructor(parameters: Iterable<Tensor>) {
    this.#parameters = new Set(parameters);
  }

  /** Calls a function whose layers use the casts. In it, parameters must not change. */
  run<T>(fn: () => T): T {
    const outer = casts;
    const own: NonNullable<typeof casts> = new Map();
    for (const [dtype, parameters] of this.#wanted) {
      const made = call<Tensor[]>("node_torch::cast_all", parameters, dtype);
      for (const [i, parameter] of parameters.entries()) remember(own, dtype, parameter, made[i]!);
    }
    casts = own;
    try {
      return fn();
    } finally {
      casts = outer;
      this.#wanted = Array.from(own, ([dtype, made]) => [
        dtype,
        [...made.keys()].filter((parameter) => this.#parameters.has(parameter)),
      ]);
    }
  }
}

function remember(all: NonNullable<typeof casts>, dtype: DType, parameter: Tensor, cast: Tensor): void {
  const ofDtype = all.get(dtype) ?? new Map<Tensor, Tensor>();
  all.set(dtype, ofDtype.set(parameter, cast));
}
