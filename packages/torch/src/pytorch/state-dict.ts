import { shown } from "../shown.js";
import { isTensor, type Tensor } from "../tensor.js";

/** Limit of visited entries; real states have a fraction of it. */
const MOST_STEPS = 1_000_000;
/** Of all names together. */
const MOST_CHARACTERS = 2 ** 26;

/** A tensor in a checkpoint. */
export interface NamedTensor {
  /** Keys of nested dictionaries and indices of lists, joined by dots, as in PyTorch's `state_dict`. */
  name: string;
  /** The last of these: the tensor's own key in its dictionary. It may have dots itself. */
  key: string;
  tensor: Tensor;
}

/**
 * The tensors in a result of `loadPytorch`, in its order. Other values are left out. The same tensors, not copies.
 * @throws {Error} if there is no tensor
 */
export function tensorsIn(checkpoint: unknown): NamedTensor[] {
  const found: NamedTensor[] = [];
  let [steps, characters] = [0, 0];
  const visit = (value: unknown, name: string, key: string): void => {
    if (isTensor(value)) found.push({ name, key, tensor: value });
    else if (value instanceof Map || Array.isArray(value)) {
      for (const [own, item] of value.entries()) {
        steps += 1; // Also for values that are not containers: an array may be long and empty.
        if (steps > MOST_STEPS) throw tooMany();
        if (typeof item !== "object" || item === null) continue;
        const key = nameOf(own);
        const next = name === "" ? key : `${name}.${key}`;
        characters += next.length;
        if (characters > MOST_CHARACTERS) throw tooMany();
        visit(item, next, key);
      }
    }
  };
  visit(checkpoint, "", "");
  if (found.length === 0) throw new Error("the checkpoint has no tensors");
  return found;
}

/**
 * The tensors in a result of `loadPytorch` by name, as from `tensorsIn`.
 * @throws {Error} if there is no tensor, or two have the same name
 */
export function stateDictOf(checkpoint: unknown): Map<string, Tensor> {
  const state = new Map<string, Tensor>();
  for (const { name, tensor } of tensorsIn(checkpoint)) {
    if (state.has(name)) throw new Error(`the checkpoint has two tensors called ${shown(name)}`);
    state.set(name, tensor);
  }
  return state;
}

function tooMany(): Error {
  return new Error("the checkpoint has too many entries for a state");
}

function nameOf(key: unknown): string {
  if (typeof key === "string" || typeof key === "number") return String(key);
  throw new Error("the checkpoint has a dictionary whose keys are not names");
}
