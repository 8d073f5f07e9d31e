import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadSafetensors, saveSafetensors, type Tensor } from "@sdgan/torch";
import { UserError } from "../errors.js";
import { writeAtomic } from "../run/atomic-file.js";

/** All that a training needs to go on as if it had never stopped. */
export interface TrainingState {
  tensors: Map<string, Tensor>;
  /** What is not a tensor: must survive JSON. */
  values: Record<string, unknown>;
}

/** Writes `step-N.safetensors` into a folder of checkpoints, and removes all but the newest `keep`. */
export function saveCheckpoint(
  folder: string,
  step: number,
  { tensors, values }: TrainingState,
  keep: number,
): void {
  writeAtomic(join(folder, fileName(step)), (path) =>
    saveSafetensors(path, tensors, { values: JSON.stringify(values) }),
  );
  for (const old of checkpointSteps(folder).slice(0, -keep))
    rmSync(join(folder, fileName(old)), { force: true });
}

/** The newest checkpoint of a folder, or undefined when there is none. */
export function loadNewestCheckpoint(folder: string): (TrainingState & { step: number }) | undefined {
  const steps = checkpointSteps(folder);
  const step = steps.at(-1);
  if (step === undefined) return undefined;
  const path = join(folder, fileName(step));
  const before = steps.at(-2);
  const remedy = before === undefined ? "begin a new run" : `remove it to go on from step ${before}`;
  const { tensors, metadata } = readTensors(path, remedy);
  return { tensors, values: JSON.parse(metadata.values ?? "{}") as Record<string, unknown>, step };
}

/** Reads a safetensors file; a missing or broken one is the user's to mend. */
export function readTensors(path: string, remedy: string): ReturnType<typeof loadSafetensors> {
  if (!existsSync(path)) throw new UserError(`${path}: there is no such file; ${remedy}`);
  try {
    return loadSafetensors(path);
  } catch (error) {
    throw new UserError(`${(error as Error).message}; ${remedy}`);
  }
}

/** Steps of the checkpoints in a folder, oldest first. */
function checkpointSteps(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const steps = readdirSync(folder).flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => a - b);
}

function fileName(step: number): string {
  return `step-${String(step).padStart(7, "0")}.safetensors`;
}

/** Tensors of several states under one roof: `prefix.name`. */
export function joinStates(states: Record<string, ReadonlyMap<string, Tensor>>): Map<string, Tensor> {
  return new Map(
    Object.entries(states).flatMap(([prefix, state]) =>
      Array.from(state, ([name, tensor]): [string, Tensor] => [`${prefix}.${name}`, tensor]),
    ),
  );
}

/** The state that was joined under `prefix`. */
export function stateUnder(tensors: ReadonlyMap<string, Tensor>, prefix: string): Map<string, Tensor> {
  const inside = [...tensors].filter(([name]) => name.startsWith(`${prefix}.`));
  return new Map(inside.map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]));
}
