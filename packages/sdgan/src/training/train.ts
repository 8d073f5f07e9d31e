/** Starts or resumes the training of DAMSM, the attribute classifier or the GAN, each in its part of a run folder. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, UserError, type Vocabulary } from "@sdgan/core";
import { checkpointSteps } from "../artifacts/checkpoints.js";
import { adoptDamsm, damsmDependency } from "../artifacts/damsm-of-run.js";
import { filesOf } from "../artifacts/start.js";
import { openPrepared, type Prepared, sampleSplit } from "../data/prepared.js";
import type { Processes } from "../distributed/processes.js";
import { type Dependencies, requireSameDependencies, short, writeDependencies } from "../run/dependencies.js";
import { type ActiveRun, resumeRun, startRun } from "../run/run-folder.js";
import { copyLicences, joinLicences } from "../util/licences.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { openStart, saveFirst, vocabularyText } from "./begin-from.js";
import { build, definitions, type TaskDefinition } from "./definitions.js";
import { trainingLoop } from "./loop.js";
import type { Training, TrainingOutline, TrainingResult, TrainOptions } from "./train-options.js";
import type { TrainingTask } from "./training-task.js";

export type { Training, TrainingOutline, TrainingResult, TrainOptions } from "./train-options.js";

/**
 * Trains until the last step, or until a limit or the signal ends it earlier, then saves.
 * @throws UserError before anything is written if data, configuration or run folder do not fit.
 */
export async function train(training: Training, options: TrainOptions): Promise<TrainingResult> {
  const definition = definitions[training];
  const damsmRun = definition.damsmRun?.(options);
  const folder = definition.folder(options.run);
  const data = openPrepared(options.data);
  const samples = sampleSplit(data);
  const caption = data.splits[samples].images.at(0).captions[0]!.text;
  const dependencies = (): Dependencies => {
    const damsm = damsmRun === undefined ? undefined : damsmDependency(damsmRun);
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
      await begun(run, data, task, processes);
      return { ...(await runTask(definition, task, asPlace(run), { ...options, samples })), caption };
    }
    const start = openStart(definition.start, options);
    const config = definition.complete?.(options.config, options, start) ?? options.config;
    await using task = build(definition, config, data, options, start);
    const vocabulary = vocabularyText(data, definition.vocabulary(data, options, start));
    const from = start && { from: filesOf(start) };
    using run = startRun(folder, config, vocabulary, { ...dependencies(), ...from }, () => {
      if (damsmRun !== undefined && damsmRun !== options.run) adoptDamsm(damsmRun, options.run);
    });
    if (start) joinLicences(data.dir, start.path, run.path);
    else copyLicences(data.dir, run.path);
    // From here on the run does not need the one that it began from.
    if (start) saveFirst(task, run);
    await begun(run, data, task, processes);
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
  const { config: own, sha256, dir, evaluatedBy } = processes.fromFirst<FromFirst>(undefined);
  if (data.sha256 !== sha256)
    throw new UserError(
      `${data.dir}: process ${processes.rank} has other data than process 0, which has ${dir}: give all processes the same ` +
        "prepared folder",
      { code: "data.mismatch" },
    );
  // The first process alone has the figures, and compares the discriminators' answers.
  const config: Config = {
    ...own,
    log: { ...own.log, discriminatorOnVal: 0 },
    training: { ...own.training, patience: 0 },
  };
  const beside = { ...options, damsm: undefined, from: undefined, onWarning: undefined };
  await using task = build(definition, config, data, beside);
  const measuredBy = task.evaluation?.sha256;
  if (measuredBy !== evaluatedBy)
    throw new UserError(
      `${run}: process ${processes.rank} evaluates with another feature network (SHA-256 ${measuredBy && short(measuredBy)}) than ` +
        `process 0 (${evaluatedBy && short(evaluatedBy)}): give all processes the same run folder`,
      { code: "data.mismatch" },
    );
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
  /** The SHA-256 of the feature network of evaluations; absent if there are none. */
  evaluatedBy?: string | undefined;
}

/** Tells the other processes that the run has begun. */
async function begun(
  { config }: ActiveRun,
  { sha256, dir }: Prepared,
  { evaluation }: TrainingTask,
  processes: Processes | undefined,
): Promise<void> {
  if (!processes) return;
  await processes.meet();
  processes.fromFirst<FromFirst>({ config, sha256, dir, evaluatedBy: evaluation?.sha256 });
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
