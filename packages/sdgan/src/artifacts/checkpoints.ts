import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { call, noGrad, saveSafetensors, scope, type Tensor } from "@sdgan/torch";
import { type Dependencies, hashesOf, requireOfRun } from "../run/dependencies.js";
import { writeAtomic } from "../util/atomic-file.js";
import { readTensors, refusing } from "./tensor-file.js";

/** Everything that a training needs to continue as if it had never stopped. */
export interface TrainingState {
  tensors: Map<string, Tensor>;
  /** Values other than tensors; must be representable in JSON. */
  values: Record<string, unknown>;
}

/**
 * Writes `step-N.safetensors` into a folder of checkpoints, and removes all checkpoints except the newest `keep` and that
 * of step `best`. The file's metadata have the hashes of the run's dependencies.
 * @throws UserError if a value is not finite; the checkpoints are unchanged then.
 */
export function saveCheckpoint(
  folder: string,
  step: number,
  { tensors, values }: TrainingState,
  { keep, best, dependsOn }: { keep: number; best?: number | undefined; dependsOn: Dependencies },
): void {
  refuseNonFinite(tensors, step);
  writeAtomic(join(folder, fileName(step)), (path) =>
    saveSafetensors(path, tensors, { values: JSON.stringify(values), ...hashesOf(dependsOn) }),
  );
  for (const old of checkpointSteps(folder).slice(0, -keep))
    if (old !== best) rmSync(join(folder, fileName(old)), { force: true });
}

/**
 * Passes the newest checkpoint of a folder to `restore`; its tensors are freed afterwards. Returns its step, or undefined
 * if there is none.
 * @throws UserError if it is broken, was written with other data or another DAMSM, or `restore` throws.
 */
export function restoreNewestCheckpoint(
  folder: string,
  dependsOn: Dependencies,
  restore: (state: TrainingState) => void,
): number | undefined {
  const steps = checkpointSteps(folder);
  const step = steps.at(-1);
  if (step === undefined) return undefined;
  const path = join(folder, fileName(step));
  const before = steps.at(-2);
  const remedy = before === undefined ? "begin a new run" : `remove it to continue from step ${before}`;
  scope(() => {
    const { tensors, metadata } = readTensors(path, remedy);
    refusing(path, remedy, () => {
      requireOfRun(path, metadata, dependsOn);
      restore({ tensors, values: valuesOf(metadata.values) });
    });
  });
  return step;
}

/** The path of a step's checkpoint in a folder of checkpoints. */
export function checkpointPath(folder: string, step: number): string {
  return join(folder, fileName(step));
}

/** The path of the newest checkpoint of a folder; undefined if there is none. */
export function newestCheckpoint(folder: string): string | undefined {
  const step = checkpointSteps(folder).at(-1);
  return step === undefined ? undefined : join(folder, fileName(step));
}

/** Steps of the checkpoints in a folder, oldest first. */
export function checkpointSteps(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const steps = readdirSync(folder).flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => a - b);
}

function fileName(step: number): string {
  return `step-${String(step).padStart(7, "0")}.safetensors`;
}

function valuesOf(json: string | undefined): Record<string, unknown> {
  const values: unknown = json === undefined ? undefined : JSON.parse(json);
  if (Number.isInteger((values as { steps?: unknown })?.steps)) return values as Record<string, unknown>;
  throw new Error("is not a checkpoint of a training: its metadata have no number of steps");
}

function refuseNonFinite(tensors: ReadonlyMap<string, Tensor>, step: number): void {
  noGrad(() =>
    scope(() => {
      for (const [name, tensor] of tensors) {
        if (!allFinite(tensor)) {
          throw new UserError(`step ${step}: ${name} is no longer finite, so no checkpoint was written`, {
            code: "training.failed",
          });
        }
      }
    }),
  );
}

function allFinite(tensor: Tensor): boolean {
  return Boolean(call<Tensor>("all", call<Tensor>("isfinite", tensor)).item());
}
