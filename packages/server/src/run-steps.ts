/** What can be done with the folder of a run, or of its DAMSM, after its training. */
import { readFile, stat } from "node:fs/promises";
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
