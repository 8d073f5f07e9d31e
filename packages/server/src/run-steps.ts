/** What can be done with the folder of a run, or of its DAMSM, after its training. */
import { readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { ApiError } from "./errors.js";

/** Folders in a run's folder that are runs themselves; a run has none of these names. */
export const PARTS: readonly string[] = ["damsm", "attribute-classifier", "evaluation-damsm"];

/** Whether a folder is that of a run's DAMSM. */
export function isDamsm(folder: string): boolean {
  return /[/\\]damsm$/.test(folder);
}

/** The run of a folder: itself, or that whose DAMSM it is. */
export function runOf(folder: string): string {
  return isDamsm(folder) ? dirname(folder) : folder;
}

/**
 * What comes next: the GAN's training after that of DAMSM, images after the GAN's. Undefined before there is a result, and
 * for a DAMSM whose run has a GAN already.
 */
export async function nextStep(folder: string): Promise<"gan" | "images" | undefined> {
  if (!isDamsm(folder)) return (await exists(join(folder, "model.safetensors"))) ? "images" : undefined;
  if (await isUsed(folder)) return undefined;
  return (await exists(join(folder, "damsm.safetensors"))) ? "gan" : undefined;
}

/** Whether a folder is that of a DAMSM with which a GAN's training has begun: it may not change any more. */
export async function isUsed(folder: string): Promise<boolean> {
  return isDamsm(folder) && (await exists(join(runOf(folder), "config.yaml")));
}

/** The steps for which a run's DAMSM is to be trained, of its configuration; undefined for other folders. */
export async function damsmSteps(folder: string): Promise<number | undefined> {
  if (!isDamsm(folder)) return undefined;
  const text = await readFile(join(folder, "config.yaml"), "utf8").catch(() => "");
  const steps = /^damsm:[^\S\n]*\n(?: .*\n)*? {2}steps: (\d+)$/m.exec(text)?.[1];
  return steps === undefined ? undefined : Number(steps);
}

/** Whether a program trains in a folder, by the `lock` file that it holds and touches. */
export async function isInUse(folder: string): Promise<boolean> {
  const lock = join(folder, "lock");
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(lock), readFile(lock, "utf8")]);
    const { pid, host } = JSON.parse(text);
    if (Date.now() - mtimeMs > GONE_MS || !(Number.isInteger(pid) && pid > 0)) return false;
    return host !== hostname() || isRunning(pid);
  } catch {
    return false; // There is no such file, or it is being written or removed: the training itself will see.
  }
}

/** As for trainings, the lock of a program that has not touched it for 10 minutes is not in force. */
const GONE_MS = 600_000;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
  return true;
}

/**
 * The prepared folder that a run was trained on.
 * @throws ApiError 409 if the run does not say so
 */
export async function dataOf(folder: string): Promise<string> {
  const { data } = await readFile(join(folder, "dependencies.json"), "utf8")
    .then(JSON.parse)
    .catch(() => ({ data: undefined }));
  if (typeof data?.folder === "string") return data.folder;
  throw new ApiError(409, "The run does not say with which data it was trained.", {
    code: "invalid_request",
  });
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
