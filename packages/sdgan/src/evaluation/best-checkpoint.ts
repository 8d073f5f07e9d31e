/** The best checkpoint of a run, by the figure that its configuration names. */

import { UserError } from "@sdgan/core";
import type { RunFolder } from "../run/run-folder.js";
import { bestIn } from "../training/best.js";
import { figureKinds } from "./result.js";

/**
 * The step of a run's best checkpoint, by the figure that its configuration names.
 * @throws UserError if it was not evaluated while it was trained
 */
export function bestStep({ path, metrics, config }: RunFolder): number {
  const { best } = config.evaluate;
  for (const network of ["attributeClassifier", "damsm"]) {
    const found = bestIn(metrics, `${network}/${best}`, figureKinds[best].better);
    if (found) return found.step;
  }
  throw new UserError(
    `${path}: has no best checkpoint, since it was not evaluated while it was trained: ` +
      "take the newest model, or train with --set evaluate.every=500",
  );
}
