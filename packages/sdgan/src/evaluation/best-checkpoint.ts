/** The best checkpoint of a run by the figure `evaluate.best` of its configuration. */

import { figureKinds, UserError } from "@sdgan/core";
import { bestIn } from "../run/best-figure.js";
import { openRun, type RunFolder } from "../run/run-folder.js";

/** A checkpoint chosen by the user: its step, or "best"; undefined for the newest model. */
export type CheckpointChoice = number | "best" | undefined;

/**
 * The step of the chosen checkpoint in the run folder `run`.
 * @throws UserError if it is "best" and the run was not evaluated during training
 */
export function stepOf(run: string, choice: CheckpointChoice): number | undefined {
  return choice === "best" ? bestStep(openRun(run)) : choice;
}

/**
 * The step of a run's best checkpoint.
 * @throws UserError if the run was not evaluated during training
 */
function bestStep({ path, metrics, config }: RunFolder): number {
  const { best } = config.evaluate;
  for (const network of ["attributeClassifier", "damsm"]) {
    const found = bestIn(metrics, `${network}/${best}`, figureKinds[best].better);
    if (found) return found.step;
  }
  throw new UserError(
    `${path}: has no best checkpoint, because it was not evaluated during training: ` +
      "use the newest model, or train with --set evaluate.every=500",
    { code: "file.missing" },
  );
}
