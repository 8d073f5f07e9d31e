/** Writes the result of an evaluation, and tries beforehand whether it can be written. */

import { rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { writeFileAtomic } from "../util/atomic-file.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import type { Evaluation } from "./result.js";

export interface ResultFiles {
  /** `evaluation.json` in the run folder. */
  json: string;
  /** Its copy in `evaluations/`, named by step, seed and number of images. */
  copy: string;
  /** `evaluation.png` */
  grid: string;
}

/** The measured result, which could not be written. The message says which file, and why. */
export class NotWritten extends UserError {
  override name = "NotWritten";
  readonly result: Evaluation;

  constructor(result: Evaluation, cause: UserError) {
    super(`${cause.message}; the result was measured, but is not in the run folder`, {
      code: cause.code,
      cause,
    });
    this.result = result;
  }
}

export function resultFiles(
  run: string,
  { step, seed, images }: Pick<Evaluation, "step" | "seed" | "images">,
): ResultFiles {
  const name = `step-${String(step).padStart(7, "0")}-seed-${seed}-images-${images}.json`;
  return {
    json: join(run, "evaluation.json"),
    copy: join(run, "evaluations", name),
    grid: join(run, "evaluation.png"),
  };
}

/**
 * Creates the folder of the copies, and a file in each folder, which it removes again.
 * @throws UserError that names the file that cannot be written
 */
export function requireWritable(files: ResultFiles): void {
  for (const file of Object.values(files)) {
    onDisk(dirname(file), () => ensureFolder(dirname(file)));
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
      throw new UserError(
        `${file}: is a folder, and the result is written to a file of this name: move it away`,
        {
          code: "file.exists",
        },
      );
    const trial = `${file}.${process.pid}.trial`;
    onDisk(file, () => {
      try {
        writeFileSync(trial, "");
      } finally {
        rmSync(trial, { force: true });
      }
    });
  }
}

/** @throws NotWritten */
export function writeResult({ json, copy, grid }: ResultFiles, result: Evaluation, image: Buffer): void {
  const text = `${JSON.stringify(result, null, 2)}\n`;
  try {
    writeFileAtomic(copy, text);
    writeFileAtomic(json, text);
    writeFileAtomic(grid, image);
  } catch (error) {
    throw error instanceof UserError ? new NotWritten(result, error) : error;
  }
}
