import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { checkpointSteps } from "../artifacts/checkpoints.js";
import { damsmFile, damsmFolder } from "../artifacts/damsm.js";
import type { Device } from "../compute/device.js";
import { openPrepared } from "../data/prepared.js";
import { makeDamsmEvaluator } from "../evaluation/during-training.js";
import { holdsRun, openRun } from "../run/run-folder.js";
import { train } from "../training/train.js";
import { Interruption } from "./interruption.js";
import { Progress } from "./progress.js";

/**
 * The evaluation DAMSM of a run: a DAMSM of another seed than the generator's, in the run folder
 * `evaluation-damsm/` of the run. It is for data without another feature network. This returns its run folder;
 * undefined if it is missing or not trained completely.
 */
export function trainedEvaluationDamsm(run: string): string | undefined {
  const folder = folderIn(run);
  const damsm = damsmFolder(folder);
  if (!existsSync(join(damsm, damsmFile))) return undefined;
  const { checkpoints, config } = openRun(damsm);
  const newest = checkpointSteps(checkpoints).at(-1);
  return newest === undefined || newest >= config.damsm.steps ? folder : undefined;
}

/**
 * Trains the evaluation DAMSM of `run` on the training images of `data`, as `sdgan train damsm` does, or continues its training.
 * Returns its run folder; undefined, with the exit code set, if Ctrl-C stopped the training.
 * @throws UserError if there is no run, or if the data cannot be trained on or has too few test images
 */
export async function trainEvaluationDamsm(
  run: string,
  { data, device }: { data: string; device?: Device | undefined },
): Promise<string | undefined> {
  requireImages(data);
  const folder = folderIn(run);
  const resumes = holdsRun(damsmFolder(folder));
  const config = resumes ? "resume" : configFor(run);
  let progress: Progress | undefined;
  const say = (line: string) => (progress ? progress.log(line) : console.error(line));
  using interruption = new Interruption(say);
  try {
    const { complete } = await train("damsm", {
      ...{ data, run: folder, config, device, signal: interruption.signal, makeDamsmEvaluator },
      onBegin({ from, to, imagesPerStep, config: { seed } }) {
        say(`Training a DAMSM of seed ${seed} to measure with, in ${folder}, where it is kept`);
        progress = new Progress({
          ...{ label: "evaluation-damsm", start: from, total: Math.max(from, to) },
          ...{ unit: "images", unitsPerStep: imagesPerStep },
        });
      },
      onStep: (step) => progress?.update(step),
      onWarning: (line) => say(`Warning: ${line}`),
    });
    progress?.[Symbol.dispose]();
    if (complete) return folder;
  } catch (error) {
    progress?.abandon();
    throw error;
  }
  console.error("Stopped and saved: the same command continues from here");
  process.exitCode = interruption.exitCode ?? 1;
  return undefined;
}

/** Before the training, which would be for nothing. */
function requireImages(folder: string): void {
  const data = openPrepared(folder, { memoryLimit: 0 });
  const { length } = data.splits.test.images;
  data.close();
  if (length >= fewest) return;
  throw new UserError(
    `${folder}: has ${length === 0 ? "no images" : "one image"} in the split test, and a DAMSM can measure ${fewest} or more: ` +
      "prepare the data again with more images",
    { code: "data.mismatch" },
  );
}

/** A distance between distributions needs at least two images. */
const fewest = 2;

/** Independent of the generator's DAMSM by its seed. Its image encoder is the one that needs no weights of others. */
function configFor(run: string): Config {
  const { config } = openRun(run);
  const own = damsmFolder(run);
  const seed = Math.max(config.seed, holdsRun(own) ? openRun(own).config.seed : 0) + 1;
  return { ...config, seed, damsm: { ...config.damsm, encoder: "convolutional", inceptionSha256: "" } };
}

function folderIn(run: string): string {
  return join(run, "evaluation-damsm");
}
