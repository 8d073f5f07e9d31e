/** Inputs for tests, from a formula that other programs can also compute. */
import { tensor } from "../creation.js";
import type { Tensor } from "../tensor.js";

/** sin(step · i + start) for element i, in float64. */
export function formula(shape: readonly number[], step = 0.7, start = 0.3): Tensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return tensor(
    Float64Array.from({ length: count }, (_, i) => Math.sin(step * i + start)),
    { shape },
  );
}
