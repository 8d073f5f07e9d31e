/** Starts or resumes the training of DAMSM, the attribute classifier or the GAN, each in its part of a run folder. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, damsmImageSize, imageSizes, UserError, type Vocabulary } from "@sdgan/core";
import { manualSeed } from "@sdgan/torch";
import { attributeClassifierFile, attributeClassifierSize } from "../artifacts/attribute-classifier.js";
import { checkpointSteps } from "../artifacts/checkpoints.js";
import { damsmFile, damsmFolder, makeDamsm } from "../artifacts/damsm.js";
import { adoptDamsm, damsmDependency, damsmVocabulary, openDamsm } from "../artifacts/damsm-of-run.js";
import { bringInception, keepInception, recordInception } from "../artifacts/inception-of-damsm.js";
import { modelFile } from "../artifacts/model.js";
import {
  damsmStart,
  extendedVocabulary,
  filesOf,
  ganStart,
  loadDamsmStart,
  readGanStart,
  type Start,
} from "../artifacts/start.js";
import { startComputing } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import { openPrepared, type Prepared, sampleSplit } from "../data/prepared.js";
import type { Processes } from "../distributed/processes.js";
import { type Dependencies, requireSameDependencies, writeDependencies } from "../run/dependencies.js";
import { type ActiveRun, openRun, resumeRun, startRun } from "../run/run-folder.js";
import { copyLicences, joinLicences } from "../util/licences.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { AttributeClassifierTask } from "./attribute-classifier-task.js";
import { openStart, saveFirst, vocabularyText, warnOfStart } from "./begin-from.js";
import { DamsmTask } from "./damsm-task.js";
import type { MakeDamsmEvaluator, MakeEvaluator } from "./evaluator.js";
import { GanTask } from "./gan-task.js";
import { type TrainingTask, trainingLoop } from "./loop.js";
import { fewestOfVal } from "./overfitting.js";
import { damsmEvaluatorOf, evaluatorOf } from "./requested-evaluators.js";

export type Training = "damsm" | "attribute-classifier" | "gan";

export interface TrainOptions {
  /** A prepared folder. */
  data: string;
  /** The run folder of the GAN; DAMSM's is `damsm/` in it, the attribute classifier's `attribute-classifier/`. */
  run: string;
  /** The configuration of a new run; or "resume", to continue the existing run with its own configuration. */
  config: Config | "resume";
  /** Stop after this step, counted from the start of the run, instead of the configuration's last step. */
  steps?: number | undefined;
  /** Stop after this many seconds of training, if that is earlier. */
  seconds?: number | undefined;
  /** For the GAN: another run folder; its DAMSM is copied into this one. */
  damsm?: string | undefined;
  /** For DAMSM with the encoder `inception`: a file with torchvision's weights. Checkpoints contain them. */
  inception?: string | undefined;
  /** For the GAN: creates the evaluator used during training. Required unless `evaluate.every` is 0. */
  makeEvaluator?: MakeEvaluator | undefined;
  /** For DAMSM: creates the evaluator used during training. Required unless `damsm.evaluateEvery` is 0. */
  makeDamsmEvaluator?: MakeDamsmEvaluator | undefined;
  /** For a new DAMSM or GAN: a run folder; training begins with its weights instead of random ones. */
  from?: string | undefined;
  /** By default the GPU if there is one. */
  device?: Device | undefined;
  /** For the GAN: the processes that train it together, all of which call this; by default this one alone. */
  processes?: Processes | undefined;
  /** Ends training after the current step. */
  signal?: AbortSignal | undefined;
  onBegin?: ((training: TrainingOutline) => void) | undefined;
  onStep?: ((step: number, losses: Record<string, number>) => void) | undefined;
  /** Called on problems that do not stop training, with advice. */
  onWarning?: ((line: string) => void) | undefined;
}

/** Properties of a training that are known when it begins. */
export interface TrainingOutline {
  /** The folder that is written to. */
  folder: string;
  config: Config;
  /** Steps done before. */
  from: number;
  /** The last step. */
  to: number;
  imagesPerStep: number;
  device: Device;
  /** The split whose captions the GAN's samples are of. */
  samples: Split;
}

export interface TrainingResult {
  folder: string;
  /** The last step taken. */
  step: number;
  /** Whether training is complete: it reached its last step or was stopped early by `training.patience`. */
  complete: boolean;
  /** Present if `training.patience` ended training: the best step, 0 for none, and the name of its figure. */
  stoppedEarly?: { step: number; name: string };
  /** A caption of the data, as an example to generate from. */
  caption: string;
}

/**
 * Trains until the last step, or until a limit or the signal ends it earlier, then saves.
 * @throws UserError before anything is written if data, configuration or run folder do not fit.
 */
export async function train(training: Training, options: TrainOptions): Promise<TrainingResult> {
  const definition = definitions[training];
  const folder = definition.folder(options.run);
  const data = openPrepared(options.data);
  const samples = sampleSplit(data);
  const caption = data.splits[samples].images.at(0).captions[0]!.text;
  const dependencies = (): Dependencies => {
    const damsm = definition.damsm ? damsmDependency(options.run) : undefined;
    return { data: { sha256: data.sha256, folder: data.dir }, ...(damsm && { damsm }) };
  };
  const { processes } = options;
  try {
    if (processes && !processes.isFirst)
      return { ...(await trainBeside(definition, data, { ...options, processes, samples })), caption };
    if (options.config === "resume") {
      using run = resumeRun(folder);
      requireCheckpoint(run, definition.result);
      const dependsOn = requireSameDependencies(run.path, run.dependsOn, dependencies());
      requireKnownTokens(data, run);
      await using task = build(definition, run.config, data, options);
      recordDependencies(run, dependsOn);
      await begun(run, data, processes);
      return { ...(await runTask(definition, task, asPlace(run), { ...options, samples })), caption };
    }
    const start = openStart(definition.start, options);
    const config = definition.complete?.(options.config, options, start) ?? options.config;
    await using task = build(definition, config, data, options, start);
    const vocabulary = vocabularyText(data, definition.vocabulary(data, options, start));
    const from = start && { from: filesOf(start) };
    using run = startRun(folder, config, vocabulary, { ...dependencies(), ...from });
    if (start) joinLicences(data.dir, start.path, run.path);
    else copyLicences(data.dir, run.path);
    // From here on the run does not need the one that it began from.
    if (start) saveFirst(task, run);
    await begun(run, data, processes);
    return { ...(await runTask(definition, task, asPlace(run), { ...options, samples })), caption };
  } finally {
    data.close();
  }
}

/**
 * Trains as a process other than the first one of several: with the configuration and the weights of the first one, which
 * has begun or resumed the run, and without writing anything.
 */
async function trainBeside(
  definition: TaskDefinition,
  data: Prepared,
  options: TrainOptions & Pick<TrainingOutline, "samples"> & { processes: Processes },
): Promise<Omit<TrainingResult, "caption">> {
  const { processes, run } = options;
  await processes.meet();
  const { config: own, sha256, dir } = processes.fromFirst<FromFirst>(undefined);
  if (data.sha256 !== sha256)
    throw new UserError(
      `${data.dir}: process ${processes.rank} has other data than process 0, which has ${dir}: give all processes the same ` +
        "prepared folder",
      { code: "data.mismatch" },
    );
  // The first process evaluates.
  const config: Config = {
    ...own,
    evaluate: { ...own.evaluate, every: 0 },
    log: { ...own.log, discriminatorOnVal: 0 },
    training: { ...own.training, patience: 0 },
  };
  const beside = { ...options, damsm: undefined, from: undefined, onWarning: undefined };
  await using task = build(definition, config, data, beside);
  const paths = { path: definition.folder(run), config };
  // Awaited before the task is disposed of.
  return await runTask(definition, task, { ...paths, active: undefined }, beside);
}

/** What the first process tells the others when the run has begun. */
interface FromFirst {
  config: Config;
  /** Of the prepared data. */
  sha256: string;
  dir: string;
}

/** The properties in which the trainings differ. */
interface TaskDefinition {
  folder(run: string): string;
  /** The file with the trained networks, in that folder. */
  result: string;
  /** Whether it uses the DAMSM of the run folder. */
  damsm: boolean;
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

const definitions: Record<Training, TaskDefinition> = {
  damsm: {
    folder: damsmFolder,
    result: damsmFile,
    damsm: false,
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
    damsm: false,
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
    damsm: true,
    steps: ({ training }) => training.steps,
    imagesPerStep: ({ training, siamese }) => training.batch * (siamese.enabled ? 2 : 1),
    sizes: ({ generator }) => ({ "the generator outputs": imageSizes(generator).at(-1)! }),
    start: ganStart,
    vocabulary: (_, { run }) => damsmVocabulary(run),
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
      if (damsm !== undefined) adoptDamsm(damsm, run);
      const compute = startComputing(config.training.precision, device);
      const networks = openDamsm(run, config, data, from);
      if (from !== undefined && start) warnOfStart(from, run, start, onWarning);
      const evaluator = evaluatorOf(config, data, {
        make: () => makeEvaluator?.(run, { config, data, damsm: networks, compute }),
        onWarning,
      });
      using weights = start && readGanStart(start, config);
      return new GanTask(config, data, networks, compute, { evaluator, start: weights, processes });
    },
  },
};

/** Creates the task, with its networks at their initial weights. */
function build(
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

/** Tells the other processes that the run has begun. */
async function begun(run: ActiveRun, { sha256, dir }: Prepared, processes: Processes | undefined) {
  if (!processes) return;
  await processes.meet();
  processes.fromFirst<FromFirst>({ config: run.config, sha256, dir });
}

/** Where a training writes to: `active` is absent in processes that do not write. */
interface Place {
  path: string;
  config: Config;
  active: ActiveRun | undefined;
}

const asPlace = (run: ActiveRun): Place => ({ path: run.path, config: run.config, active: run });

async function runTask(
  definition: TaskDefinition,
  task: TrainingTask,
  { path: folder, config, active: run }: Place,
  {
    config: requested,
    steps,
    seconds,
    signal,
    samples,
    processes,
    onBegin,
    onStep,
    onWarning,
  }: TrainOptions & Pick<TrainingOutline, "samples">,
): Promise<Omit<TrainingResult, "caption">> {
  const { every: logEvery, ...log } = config.log;
  const to = steps ?? definition.steps(config);
  let stoppedEarly: TrainingResult["stoppedEarly"];
  const step = await trainingLoop(task, {
    ...{ run, processes, resume: requested === "resume", steps: to, logEvery, ...log },
    ...(seconds !== undefined && { seconds }),
    ...(signal && { signal }),
    ...(onStep && { onStep }),
    ...(onWarning && { onWarning }),
    onEarlyStop: (best) => {
      stoppedEarly = best;
    },
    onBegin: (from) =>
      onBegin?.({
        ...{ folder, config, from, to, samples },
        imagesPerStep: definition.imagesPerStep(config),
        device: task.device,
      }),
  });
  const complete = stoppedEarly !== undefined || step >= Math.max(to, definition.steps(config));
  return { folder, step, complete, ...(stoppedEarly && { stoppedEarly }) };
}

/** A run without a checkpoint is resumed from the start: refused if that would overwrite its result. */
function requireCheckpoint(run: ActiveRun, result: string): void {
  const file = join(run.path, result);
  if (checkpointSteps(run.checkpoints).length > 0) return;
  if (run.dependsOn.from)
    throw new UserError(
      `${run.checkpoints}: there is no checkpoint to continue from, and the run began with weights of ` +
        `${run.dependsOn.from[0]!.file}: remove ${run.path}, and begin it again with --from`,
      { code: "file.missing" },
    );
  if (!existsSync(file)) return;
  throw new UserError(
    `${run.checkpoints}: there is no checkpoint to continue from, but ${file} exists already: begin another run`,
    { code: "file.exists" },
  );
}

/** Records new dependencies: imported weights get theirs when they are first trained further. */
function recordDependencies(run: ActiveRun, dependsOn: Dependencies): void {
  if (Object.keys(dependsOn).length > Object.keys(run.dependsOn).length)
    writeDependencies(run.path, dependsOn);
  run.dependsOn = dependsOn;
}

/** The run may have more words than the data: those of the run that it began from. */
function requireKnownTokens(data: Prepared, run: ActiveRun): void {
  const vocabulary = loadVocabulary(run.vocabulary);
  if (vocabulary.beginsWith(data.vocabulary)) return;
  const described = ({ size, tokenizer }: Vocabulary) => `(${size} tokens, tokenizer ${tokenizer})`;
  throw new UserError(
    `${data.dir}: has another vocabulary ${described(data.vocabulary)} than ${run.vocabulary} ${described(vocabulary)}: ` +
      "resume with the prepared folder that the run began with, or begin another run",
    { code: "data.mismatch" },
  );
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
