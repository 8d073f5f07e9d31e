/** Tensors of several networks in one file. */
import { existsSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { loadSafetensors, type Tensor } from "@sdgan/torch";

/**
 * Reads a safetensors file.
 * @throws UserError with `remedy` if it is missing or broken
 */
export function readTensors(path: string, remedy: string): ReturnType<typeof loadSafetensors> {
  if (!existsSync(path))
    throw new UserError(`${path}: there is no such file; ${remedy}`, { code: "file.missing" });
  try {
    return loadSafetensors(path);
  } catch (error) {
    throw new UserError(`${(error as Error).message}; ${remedy}`, { code: "file.invalid" });
  }
}

/** Does `work` with the content of `path`. Its errors become a `UserError` that names the file and `remedy`. */
export function refusing<Result>(path: string, remedy: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: ${(error as Error).message}; ${remedy}`, {
      code: "checkpoint.mismatch",
      cause: error,
    });
  }
}

/** The tensors of several states in one map, named `prefix.name`. */
export function joinStates(states: Record<string, ReadonlyMap<string, Tensor>>): Map<string, Tensor> {
  return new Map(
    Object.entries(states).flatMap(([prefix, state]) =>
      Array.from(state, ([name, tensor]): [string, Tensor] => [`${prefix}.${name}`, tensor]),
    ),
  );
}

/** The state that `joinStates` put under `prefix`. */
export function stateUnder(tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> {
  const inside = [...tensors].filter(([name]) => name.startsWith(`${prefix}.`));
  return new Map(inside.map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]));
}
