/** What a new run does differently if it begins with another run's weights (`--from`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, type Vocabulary } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { saveCheckpoint } from "../artifacts/checkpoints.js";
import { damsmFolder } from "../artifacts/damsm.js";
import { descendsFrom, requireOtherRun, type Start } from "../artifacts/start.js";
import { FILES } from "../data/format.js";
import type { Prepared } from "../data/prepared.js";
import type { ActiveRun } from "../run/run-folder.js";
import type { TrainingTask } from "./training-task.js";

/**
 * The run that a new run begins with, or undefined.
 * @param open absent for a training that cannot begin with another run
 * @throws UserError if `from` has nothing to begin with, or is the new run itself
 */
export function openStart(
  open: ((from: string) => Start) | undefined,
  { from, run }: { from?: string | undefined; run: string },
): Start | undefined {
  if (from === undefined) return undefined;
  if (!open)
    throw new UserError(`from ${from}: an attribute classifier begins with new weights: leave it out`, {
      code: "usage",
    });
  requireOtherRun(from, run);
  return open(from);
}

/** The text of a run's `vocabulary.json`. The data's file is copied as it is, unless the run knows more words. */
export function vocabularyText({ dir, vocabulary }: Prepared, ofRun: Vocabulary): string {
  return ofRun.equals(vocabulary) ? readFileSync(join(dir, FILES.vocabulary), "utf8") : ofRun.format();
}

/** Writes a checkpoint of step 0: from here on the run does not need the one that it began with. */
export function saveFirst(task: TrainingTask, { checkpoints, config, dependsOn }: ActiveRun): void {
  scope(() => saveCheckpoint(checkpoints, 0, task.state(), { keep: config.log.keep, dependsOn }));
}

/** Warns if the GAN begins with less than the whole state of the run in `from`. */
export function warnOfStart(
  from: string,
  run: string,
  { path, checkpoint }: Start,
  onWarning: ((line: string) => void) | undefined,
): void {
  if (checkpoint === undefined)
    onWarning?.(`${path}: has no checkpoint, so training begins with new discriminators`);
  if (!descendsFrom(from, run))
    onWarning?.(
      `${damsmFolder(run)}: this DAMSM was not trained on from the one in ${from}, so the generator has to learn its ` +
        `features anew: train it with sdgan train damsm --from ${from}, in another run`,
    );
}
