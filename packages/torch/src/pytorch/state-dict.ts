import { shown } from "../shown.js";
import { isTensor, type Tensor } from "../tensor.js";

/** Limit of visited entries; real states have a fraction of it. */
const MOST_STEPS = 1_000_000;

/**
 * Returns the tensors in a result of `loadPytorch` by name: keys of nested dictionaries and indices of lists, joined by
 * dots, as in PyTorch's `state_dict`. Other values are left out. The same tensors, not copies.
 * @throws {Error} if there is no tensor, or two have the same name
 */
export function stateDictOf(checkpoint: unknown): Map<string, Tensor> {
  const state = new Map<string, Tensor>();
  let steps = 0;
  const visit = (value: unknown, name: string): void => {
    if (isTensor(value)) {
      if (state.has(name)) throw new Error(`the checkpoint has two tensors called ${shown(name)}`);
      state.set(name, value);
    } else if (value instanceof Map || Array.isArray(value)) {
      for (const [key, item] of value.entries()) {
        steps += 1; // Also for values that are not containers: an array may be long and empty.
        if (steps > MOST_STEPS) throw new Error("the checkpoint has too many entries for a state");
        if (typeof item === "object") visit(item, name === "" ? nameOf(key) : `${name}.${nameOf(key)}`);
      }
    }
  };
  visit(checkpoint, "");
  if (state.size === 0) throw new Error("the checkpoint has no tensors");
  return state;
}

function nameOf(key: unknown): string {
  if (typeof key === "string" || typeof key === "number") return String(key);
  throw new Error("the checkpoint has a dictionary whose keys are not names");
}
