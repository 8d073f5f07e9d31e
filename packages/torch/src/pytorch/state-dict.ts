import { shown } from "../shown.js";
import { isTensor, type Tensor } from "../tensor.js";

/** Entries of containers met; a state has a fraction of them. */
const MOST_STEPS = 1_000_000;

/**
 * The tensors in what `loadPytorch` gave, by their names: keys of nested dictionaries and places in lists, joined by
 * dots, as in PyTorch's `state_dict`. What is no tensor is left out. The same tensors, not copies.
 * @throws {Error} if there is none, or two have one name
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
        steps += 1; // Of what is no container, too: an array may be long and empty.
        if (steps > MOST_STEPS) throw new Error("the checkpoint has far more in it than a state");
        if (typeof item === "object") visit(item, name === "" ? nameOf(key) : `${name}.${nameOf(key)}`);
      }
    }
  };
  visit(checkpoint, "");
  if (state.size === 0) throw new Error("the checkpoint has no tensor in it");
  return state;
}

function nameOf(key: unknown): string {
  if (typeof key === "string" || typeof key === "number") return String(key);
  throw new Error("the checkpoint has a dictionary whose keys are no names");
}
