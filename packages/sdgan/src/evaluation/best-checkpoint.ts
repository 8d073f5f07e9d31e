/** The best checkpoint of a run, by the figure that its configuration names. */

import { UserError } from "@sdgan/core";
import { bestIn } from "../run/best-figure.js";
import { openRun, type RunFolder } from "../run/run-folder.js";
import { figureKinds } from "./result.js";

/** A checkpoint as a user names it: its step, or "best"; undefined for the newest model. */
export type CheckpointChoice = number | "best" | undefined;

/**
 * The step that a choice means in the run folder `run`.
 * @throws UserError if it is "best" and the run was not evaluated while it was trained
 */
export function stepOf(run: string, choice: CheckpointChoice): number | undefined {
  return choice === "best" ? bestStep(openRun(run)) : choice;
}

/**
 * The step of a run's best checkpoint, by the figure that its configuration names.
 * @throws UserError if it was not evaluated while it was trained
 */
function bestStep({ path, metrics, config }: RunFolder): number {
  const { best } = config.evaluate;
  for (const network of ["attributeClassifier", "damsm"]) {
    const found = bestIn(metrics, `${network}/${best}`, figureKinds[best].better);
    if (found) return found.step;
  }
  throw new UserError(
    `${path}: has no best checkpoint, since it was not evaluated while it was trained: ` +
      "take the newest model, or train with --set evaluate.every=500",
    { code: "file.missing" },
  );
}
