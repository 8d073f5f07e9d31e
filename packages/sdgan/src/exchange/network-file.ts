import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { loadPytorch, loadSafetensors, stateDictOf, type Tensor } from "@sdgan/torch";
import { UserError } from "../errors.js";
import { onDisk } from "../system-errors.js";

/** One network's weights as a file has them: a plain `state_dict`. */
export interface NetworkFile {
  path: string;
  /** Name → tensor, as in the file, but for the `module.` that PyTorch's DataParallel puts before every name. */
  state: Map<string, Tensor>;
}

/**
 * Reads a `state_dict` from a safetensors file or from one of PyTorch's checkpoints, whatever the file is called.
 * @throws UserError that names the file and what is wrong with it
 */
export function readNetworkFile(path: string): NetworkFile {
  if (!existsSync(path)) throw new UserError(`${path}: there is no such file`);
  try {
    const state = looksLikeSafetensors(path) ? loadSafetensors(path).tensors : stateDictOf(loadPytorch(path));
    return { path, state: withoutPrefix(state, "module.") };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { message } = error as Error;
    throw new UserError(message.startsWith(path) ? message : `${path}: ${message}`, { cause: error });
  }
}

/** Its ninth byte begins the header's JSON; PyTorch's files have no brace there. */
function looksLikeSafetensors(path: string): boolean {
  if (path.endsWith(".safetensors")) return true;
  return onDisk(path, () => {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(9);
      return (
        readSync(file, bytes, 0, 9, 0) === 9 && bytes[8] === "{".charCodeAt(0) && bytes.readUInt16LE(6) === 0
      );
    } finally {
      closeSync(file);
    }
  });
}

function withoutPrefix(state: Map<string, Tensor>, prefix: string): Map<string, Tensor> {
  if (![...state.keys()].every((name) => name.startsWith(prefix))) return state;
  return new Map(Array.from(state, ([name, tensor]) => [name.slice(prefix.length), tensor]));
}
