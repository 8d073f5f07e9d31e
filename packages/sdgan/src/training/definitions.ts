/** The three trainings: where their parts are, what they need, and how their task is made. */
import { join } from "node:path";
import { type Config, damsmImageSize, imageSizes, UserError, type Vocabulary } from "@sdgan/core";
import { manualSeed } from "@sdgan/torch";
import { attributeClassifierFile, attributeClassifierSize } from "../artifacts/attribute-classifier.js";
import { checkpointSteps } from "../artifacts/checkpoints.js";
import { damsmFile, damsmFolder, damsmPath, makeDamsm } from "../artifacts/damsm.js";
import { adoptableFiles, damsmVocabulary, openDamsm } from "../artifacts/damsm-of-run.js";
import { bringInception, keepInception, recordInception } from "../artifacts/inception-of-damsm.js";
import { modelFile } from "../artifacts/model.js";
import {
  damsmStart,
  extendedVocabulary,
  ganStart,
  loadDamsmStart,
  readGanStart,
  type Start,
} from "../artifacts/start.js";
import { startComputing } from "../compute/compute.js";
import type { Prepared } from "../data/prepared.js";
import { sharedWork } from "../distributed/work-share.js";
import { openRun } from "../run/run-folder.js";
import { AttributeClassifierTask } from "./attribute-classifier-task.js";
import { warnOfStart } from "./begin-from.js";
import { DamsmTask } from "./damsm-task.js";
import { GanTask } from "./gan-task.js";
import { fewestOfVal } from "./overfitting.js";
import { damsmEvaluatorOf, evaluatorOf } from "./requested-evaluators.js";
import type { Training, TrainOptions } from "./train-options.js";
import type { TrainingTask } from "./training-task.js";

/** The properties in which the trainings differ. */
export interface TaskDefinition {
  folder(run: string): string;
  /** The file with the trained networks, in that folder. */
  result: string;
  /** The run folder with the DAMSM that it uses. Absent if it uses none. */
  damsmRun?(options: TrainOptions): string;
  /** Steps of a complete training. */
  steps(config: Config): number;
  imagesPerStep(config: Config): number;
  /** Pixels per side that images are averaged to, by the part that needs them. */
  sizes(config: Config, data: Prepared): Record<string, number>;
  /** The run in the folder `from` that training begins with. Absent if it cannot begin with another run. */
  start?(from: string): Start;
  /** The vocabulary of the run. For a new run it is requested after `make`. */
  vocabulary(data: Prepared, options: TrainOptions, start?: Start): Vocabulary;
  /** Adds values that other options determine to the configuration of a new run. */
  complete?(config: Config, options: TrainOptions, start?: Start): Config;
  make(config: Config, data: Prepared, options: TrainOptions, start?: Start): TrainingTask & AsyncDisposable;
}

export const definitions: Record<Training, TaskDefinition> = {
  damsm: {
    folder: damsmFolder,
    result: damsmFile,
    steps: ({ damsm }) => damsm.steps,
    imagesPerStep: ({ damsm }) => damsm.batch,
    sizes: (config) => ({ "DAMSM takes": damsmImageSize(config) }),
    start: damsmStart,
    vocabulary: (data, { run, config }, start) =>
      config === "resume" ? damsmVocabulary(run) : start ? extendedVocabulary(start, data) : data.vocabulary,
    complete: (config, { inception }, start) =>
      start ? keepInception(config, start.config, inception) : recordInception(config, inception),
    make(config, data, options, start) {
      const { run, inception, device, config: requested, makeDamsmEvaluator, onWarning } = options;
      const vocabulary = this.vocabulary(data, options, start);
      const networks = makeDamsm(config, vocabulary.size);
      const resumes =
        requested === "resume" && checkpointSteps(openRun(damsmFolder(run)).checkpoints).length > 0;
      if (start) loadDamsmStart(start, networks, config, vocabulary);
      else bringInception(networks, config, { file: inception, resumes });
      const compute = startComputing(config.training.precision, device);
      const evaluator = damsmEvaluatorOf(config, data, {
        make: () => makeDamsmEvaluator?.({ config, data, device: compute.device }),
        onWarning,
      });
      return new DamsmTask(config, data, networks, compute, evaluator);
    },
  },
  "attribute-classifier": {
    folder: (run) => join(run, "attribute-classifier"),
    result: attributeClassifierFile,
    steps: ({ attributeClassifier }) => attributeClassifier.steps,
    imagesPerStep: ({ attributeClassifier }) => attributeClassifier.batch,
    // Smaller images are enlarged, as when a generator of smaller images is evaluated.
    sizes: (_, { size }) => ({ "the attribute classifier takes": Math.min(size, attributeClassifierSize) }),
    vocabulary: ({ vocabulary }) => vocabulary,
    make: (config, data, { device }) =>
      new AttributeClassifierTask(config, data, startComputing(config.training.precision, device)),
  },
  gan: {
    folder: (run) => run,
    result: modelFile,
    damsmRun: ({ run, damsm }) => damsm ?? run,
    steps: ({ training }) => training.steps,
    imagesPerStep: ({ training, siamese }) => training.batch * (siamese.enabled ? 2 : 1),
    sizes: ({ generator }) => ({ "the generator outputs": imageSizes(generator).at(-1)! }),
    start: ganStart,
    vocabulary: (_, { run, damsm }) => damsmVocabulary(damsm ?? run),
    make(config, data, { run, damsm, from, device, steps, processes, makeEvaluator, onWarning }, start) {
      const { decay, steps: last } = config.training;
      if (decay !== "none" && steps !== undefined && steps > last)
        onWarning?.(
          `training.decay=${decay} ends after training.steps=${last}: no weights change in steps ${last + 1} to ${steps}. ` +
            `Begin another run with --set training.steps=${steps}`,
        );
      const ofVal = data.splits.val.images.length;
      if (config.log.discriminatorOnVal > 0 && ofVal < fewestOfVal)
        onWarning?.(
          `${data.dir}: has ${ofVal} validation images, and at least ${fewestOfVal} are needed to compare the discriminators' ` +
            "answers, so log.discriminatorOnVal is ignored: prepare the data again with a larger --val",
        );
      // Refused here, and copied when the run begins: a start that is refused later writes nothing.
      if (damsm !== undefined) adoptableFiles(damsm, run);
      const damsmRun = damsm ?? run;
      const compute = startComputing(config.training.precision, device);
      const networks = openDamsm(damsmRun, config, data, from);
      if (from !== undefined && start) warnOfStart(from, damsmRun, start, onWarning);
      const evaluator = evaluatorOf(config, data, {
        make: () => {
          const share = processes && sharedWork(processes);
          const ofDamsm = { damsm: networks, damsmFile: damsmPath(damsmRun) };
          return makeEvaluator?.(run, { config, data, ...ofDamsm, compute, share });
        },
        onWarning,
      });
      using weights = start && readGanStart(start, config);
      return new GanTask(config, data, networks, compute, {
        evaluator,
        start: weights,
        processes,
        onWarning,
      });
    },
  },
};

/** Creates the task, with its networks at their initial weights. */
export function build(
  definition: TaskDefinition,
  config: Config,
  data: Prepared,
  options: TrainOptions,
  start?: Start,
): TrainingTask & AsyncDisposable {
  for (const [what, size] of Object.entries(definition.sizes(config, data)))
    requireMultiple(data, size, what);
  manualSeed(config.seed);
  return definition.make(config, data, options, start);
}

function requireMultiple({ dir, size }: Prepared, wanted: number, what: string): void {
  if (size % wanted === 0) return;
  // sdgan prepare makes powers of two, the sizes of a generator's images.
  const remedy = Number.isInteger(Math.log2(wanted))
    ? `prepare the data with --size ${wanted}, or use another configuration`
    : "use another configuration: a power of two";
  throw new UserError(
    `${dir}: its images of ${size} pixels cannot be averaged down to the ${wanted} that ${what}: ${remedy}`,
    { code: "data.mismatch" },
  );
}
