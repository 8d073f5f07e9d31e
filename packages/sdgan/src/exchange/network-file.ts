import type { Tensor } from "@sdgan/torch";
import { readWeights } from "../artifacts/read-weights.js";

/** A file with one network's weights: a plain `state_dict`. */
export interface NetworkFile {
  path: string;
  /** Name → tensor, without the prefix `module.` of PyTorch's DataParallel. */
  state: Map<string, Tensor>;
}

/**
 * Reads a `state_dict` from a safetensors file or a PyTorch checkpoint. The format does not depend on the
 * file's name.
 * @throws UserError that names the file and what is wrong with it
 */
export function readNetworkFile(path: string): NetworkFile {
  return { path, state: withoutPrefix(readWeights(path, REMEDY), "module.") };
}

const REMEDY = "give the file of a network's state_dict";

function withoutPrefix(state: Map<string, Tensor>, prefix: string): Map<string, Tensor> {
  if (![...state.keys()].every((name) => name.startsWith(prefix))) return state;
  return new Map(Array.from(state, ([name, tensor]) => [name.slice(prefix.length), tensor]));
}
