import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";
import type { Evaluation } from "./result.js";

/**
 * Reads `evaluation.json` of the run folder `run`; undefined if there is none, or one of an earlier version.
 * @throws UserError if it cannot be read or is damaged
 */
export function readEvaluation(run: string): Evaluation | undefined {
  const path = join(run, "evaluation.json");
  if (!existsSync(path)) return undefined;
  const text = onDisk(path, () => readFileSync(path, "utf8"));
  try {
    const evaluation = JSON.parse(text) as Partial<Evaluation>;
    return evaluation.figures && evaluation.model ? (evaluation as Evaluation) : undefined;
  } catch (error) {
    throw new UserError(`${path}: is damaged (${(error as Error).message}): remove it, and evaluate again`, {
      code: "file.invalid",
    });
  }
}
