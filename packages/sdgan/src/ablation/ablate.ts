/** Trains and evaluates every variant with every seed, and compares them. What is complete is not done again. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { attributeClassifierFile, attributeClassifierPath } from "../artifacts/attribute-classifier.js";
import { checkpointSteps, newestCheckpoint } from "../artifacts/checkpoints.js";
import { damsmFile, damsmFolder, damsmPath } from "../artifacts/damsm.js";
import { requireIndependent } from "../artifacts/damsm-of-run.js";
import { modelFile } from "../artifacts/model.js";
import { loadConfig } from "../config/load.js";
import { openPrepared } from "../data/prepared.js";
import { type Dependencies, readDependencies, requireSameDependencies } from "../run/dependencies.js";
import { readMetrics } from "../run/metrics.js";
import { holdsRun, openRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { takeLock } from "../util/lock.js";
import { sha256Of } from "../util/sha256.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { Commands } from "./commands.js";
import {
  equalVariants,
  type PlannedRun,
  type PlanOptions,
  planRuns,
  requireAsPlanned,
  runFolder,
} from "./plan.js";
import { type AblationResult, gatherResults, seedsIn } from "./results.js";
import { type EvaluationSetting, isEvaluated } from "./run-figures.js";

export interface AblateOptions extends PlanOptions {
  /** A prepared folder. */
  data: string;
  /** Steps of every run; by default the configuration's. */
  steps?: number | undefined;
  /** Runs under way at a time. */
  jobs: number;
  /** Threads of each. */
  threads: number;
  /** Run folders whose DAMSM and attribute classifier are taken, rather than trained here. */
  damsm?: string | undefined;
  attributeClassifier?: string | undefined;
  /** A run folder whose DAMSM measures R-precision: of another seed than the one that trains. */
  judge?: string | undefined;
  /** A file with the weights that FID is defined by: the figures are then by its features. */
  inception?: string | undefined;
  /** Images that each run is measured by. */
  images: number;
  signal: AbortSignal;
  /** A part of the work begins, and has so many steps; `from` of them were done before. */
  onBegin?(part: string, from: number, steps: number): void;
  onProgress?(steps: number, fields: Record<string, string>): void;
  /** Called with the results of all runs, before the folder is given free: writes the page. */
  report?(result: AblationResult): Promise<unknown>;
  /** A line for people. */
  say?(line: string): void;
}

/**
 * Writes into `out`: `shared/` and `judge/`, the DAMSMs and the attribute classifier; `runs/VARIANT/seed-N`, run folders; `logs/`;
 * `ablation.json` and `ablation.md` after every run. Returns undefined if `signal` ended
 * it before the last run.
 * @throws UserError for what does not fit, runs on other data among it, before anything is trained; or, when all others
 *   are complete, for runs that failed
 */
export async function ablate(options: AblateOptions): Promise<AblationResult | undefined> {
  const { out, data, signal } = options;
  const base = loadConfig(options.config, options.set);
  const steps = options.steps ?? base.training.steps;
  const runs = planRuns(options);
  for (const run of runs) requireNotBeyond(run, steps);
  for (const { variant, seed } of seedsIn(out))
    for (const run of planRuns({ ...options, variants: [variant], seeds: [seed] })) requireAsPlanned(run);
  requireNetworks(options, base);
  const { knowsAttributes, dataSha256 } = aboutData(data);
  requireSameData(out, { sha256: dataSha256, folder: data });
  onDisk(out, () => ensureFolder(out));
  const release = takeLock(join(out, "lock"), {
    does: "is running an ablation in this folder",
    instead: "stop it first, or take another --out",
  });
  try {
    using commands = new Commands(options);
    const shared = join(out, "shared");
    const damsm = options.damsm ?? shared;
    const judge = options.judge ?? join(out, "judge");
    const attributeClassifier = options.attributeClassifier ?? (knowsAttributes ? shared : undefined);
    const trainings: SharedTraining[] = [
      ...(options.damsm ? [] : [{ what: "damsm", run: shared, seed: base.seed } as const]),
      ...(options.judge ? [] : [{ what: "damsm", run: judge, seed: otherSeed(options, base) } as const]),
      ...(options.attributeClassifier || !knowsAttributes
        ? []
        : [{ what: "attribute-classifier", run: shared, seed: base.seed } as const]),
    ];
    for (const training of trainings)
      if (!(await trainShared(training, base, commands, options))) return undefined;

    const setting: EvaluationSetting = {
      ...{ steps, data, dataSha256, images: options.images },
      networks: {
        damsm: sha256Of(damsmPath(judge)),
        ...(attributeClassifier && {
          attributeClassifier: sha256Of(attributeClassifierPath(attributeClassifier)),
        }),
        ...(options.inception && { inception: sha256Of(options.inception) }),
      },
    };
    const gather = () => gatherResults(out, setting, equalVariants(options.config, options.set));
    const failed = await trainRuns(
      runs,
      { ...options, ...{ setting, damsm, judge, attributeClassifier } },
      commands,
      gather,
    );
    if (signal.aborted) return undefined;
    const result = gather();
    await options.report?.(result);
    if (failed > 0) {
      throw new UserError(
        `${failed} of ${runs.length} runs failed, as said above; the others are in the table. ` +
          "The same command tries them again from their last checkpoints",
      );
    }
    return result;
  } finally {
    release();
  }
}

interface SharedTraining {
  what: "damsm" | "attribute-classifier";
  /** The run folder that it is part of. */
  run: string;
  seed: number;
}

/** Returns whether it is complete. */
async function trainShared(
  { what, run, seed }: SharedTraining,
  base: Config,
  commands: Commands,
  { config, set = [], data, out, onBegin, onProgress }: AblateOptions,
): Promise<boolean> {
  const folder = what === "damsm" ? damsmFolder(run) : join(run, what);
  const { steps } = base[what === "damsm" ? what : "attributeClassifier"];
  const before = trainedSteps(folder);
  if (before >= steps && isPublished(folder, what === "damsm" ? damsmFile : attributeClassifierFile))
    return true;
  const part = `${what} in ${basename(run)}`;
  onBegin?.(part, before, steps);
  using _ = monitor(() => onProgress?.(stepUnderWay(folder), {}));
  const how = holdsRun(folder) ? ["--resume"] : ["--config", config, ...asOptions([...set, `seed=${seed}`])];
  return await commands.run(
    ["train", what, "--data", data, "--run", run, ...how],
    join(out, "logs", `${basename(run)}-${what}.txt`),
  );
}

interface RunOptions extends AblateOptions {
  setting: EvaluationSetting;
  damsm: string;
  judge: string;
}

/** Runs all that is not complete, `jobs` at a time; a run that fails does not hold the others up. Returns how many did. */
async function trainRuns(
  runs: readonly PlannedRun[],
  options: RunOptions,
  commands: Commands,
  onRun: () => void,
): Promise<number> {
  const { setting, jobs, signal, onBegin, onProgress, say } = options;
  const { steps } = setting;
  let failed = 0;
  const done = new Map(runs.map(({ folder }) => [folder, trainedSteps(folder)]));
  const underWay = new Set<PlannedRun>();
  const sum = () => [...done.values()].reduce((total, count) => total + count, 0);
  let complete = runs.filter(({ folder }) => isEvaluated(folder, setting)).length;
  onBegin?.("ablation", sum(), steps * runs.length);
  const show = () => {
    for (const { folder } of underWay) done.set(folder, stepUnderWay(folder));
    onProgress?.(sum(), {
      runs: `${complete}/${runs.length}`,
      ...(underWay.size > 0 && {
        now: [...underWay].map(({ variant, seed }) => `${variant.name} ${seed}`).join(", "),
      }),
    });
  };
  using _ = monitor(show);
  const left = runs.filter(({ folder }) => !isEvaluated(folder, setting)).values();
  const worker = async () => {
    for (const run of left) {
      if (signal.aborted) return;
      underWay.add(run);
      try {
        if (await trainAndEvaluate(run, options, commands)) {
          complete++;
          onRun();
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed++;
        say?.(`${run.variant.name}, seed ${run.seed}: ${error.message}`);
      }
      underWay.delete(run);
      done.set(run.folder, trainedSteps(run.folder));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  show();
  return failed;
}

/** Returns whether it is complete. */
async function trainAndEvaluate(
  { variant, seed, folder, settings }: PlannedRun,
  { config, data, out, setting, damsm, judge, attributeClassifier, inception, images }: RunOptions,
  commands: Commands,
): Promise<boolean> {
  const { steps } = setting;
  const log = join(out, "logs", `${variant.name}-seed-${seed}.txt`);
  if (attributeClassifier) adoptReader(attributeClassifier, folder);
  if (trainedSteps(folder) < steps || !isPublished(folder, modelFile)) {
    const how = holdsRun(folder)
      ? ["--resume"]
      : ["--config", config, ...asOptions(settings), "--damsm", damsm];
    const args = ["train", "gan", "--data", data, "--run", folder, "--steps", String(steps), ...how];
    if (!(await commands.run(args, log))) return false;
  }
  const judges = ["--damsm", judge, ...(inception ? ["--inception", inception] : [])];
  const args = ["--run", folder, "--data", data, ...judges, "--images", String(images)];
  if (!(await commands.run(["evaluate", ...args], log))) return false;
  if (isEvaluated(folder, setting)) return true;
  throw new UserError(`${folder}: its evaluation.json is not of what sdgan evaluate was asked for`, {
    code: "file.exists",
  });
}

/** Copies the attribute classifier of the run folder `from` into `run`, where training and evaluation look for it. */
function adoptReader(from: string, run: string): void {
  const [source, target] = [from, run].map((folder) =>
    join(folder, "attribute-classifier", attributeClassifierFile),
  ) as [string, string];
  const bytes = onDisk(source, () => readFileSync(source));
  if (existsSync(target) && onDisk(target, () => readFileSync(target)).equals(bytes)) return;
  onDisk(target, () => ensureFolder(dirname(target)));
  writeFileAtomic(target, bytes);
}

/** Steps of the newest checkpoint: what a training goes on from. */
function trainedSteps(folder: string): number {
  return checkpointSteps(join(folder, "checkpoints")).at(-1) ?? 0;
}

/** Whether what a training gives is of its newest checkpoint: a process may end between the two. */
function isPublished(folder: string, file: string): boolean {
  const [checkpoint, published] = [newestCheckpoint(join(folder, "checkpoints")), join(folder, file)];
  if (checkpoint === undefined || !existsSync(published)) return false;
  return statSync(published).mtimeMs >= statSync(checkpoint).mtimeMs;
}

/** The last step that a training, now running perhaps, wrote down. */
function stepUnderWay(folder: string): number {
  const path = join(folder, "metrics.jsonl");
  return existsSync(path) ? (readMetrics(path).at(-1)?.step ?? 0) : 0;
}

/** Looks every second. */
function monitor(look: () => void): Disposable {
  const timer = setInterval(look, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function asOptions(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ["--set", setting]);
}

/**
 * Sees to it that networks which are given are there, and fit for their tasks.
 * @throws UserError
 */
function requireNetworks(
  { damsm, judge, attributeClassifier, inception, config, data }: AblateOptions,
  base: Config,
): void {
  if (base.damsm.encoder === "inception" && !(damsm && judge))
    throw new UserError(
      "damsm.encoder is inception, whose weights sdgan ablate does not know: train both DAMSMs first, from two seeds " +
        `(sdgan train damsm --config ${config} --data ${data} --run RUN --inception FILE, and with --set seed=1 --run OTHER), ` +
        "and give --damsm RUN --judge OTHER",
      { code: "usage" },
    );
  const [taught, judging] = [damsm, judge].map((run) => (run ? damsmPath(run) : undefined));
  if (taught && judging) requireIndependent(judging, taught, "--judge");
  if (attributeClassifier && !existsSync(attributeClassifierPath(attributeClassifier)))
    throw new UserError(
      `--attribute-classifier ${attributeClassifier}: there is no ${attributeClassifierPath(attributeClassifier)}: sdgan train attribute-classifier makes it`,
      { code: "file.missing" },
    );
  if (inception && !existsSync(inception))
    throw new UserError(`--inception ${inception}: there is no such file`, { code: "file.missing" });
}

/** Of a judge that is trained here: not the seed of the DAMSM that the runs train with. */
function otherSeed({ damsm }: AblateOptions, base: Config): number {
  return (damsm ? openRun(damsmFolder(damsm)).config.seed : base.seed) + 1;
}

/** Refuses data that the runs in `out`, and the networks that were trained there for all of them, did not begin with. */
function requireSameData(out: string, data: NonNullable<Dependencies["data"]>): void {
  const [shared, judge] = [join(out, "shared"), join(out, "judge")];
  const folders = [
    ...[damsmFolder(shared), damsmFolder(judge), join(shared, "attribute-classifier")],
    ...seedsIn(out).map(({ variant, seed }) => runFolder(out, variant, seed)),
  ];
  for (const folder of folders.filter(holdsRun))
    requireSameDependencies(folder, readDependencies(folder), { data });
}

function aboutData(folder: string): { knowsAttributes: boolean; dataSha256: string } {
  const { attributes, sha256, close } = openPrepared(folder);
  close();
  return { knowsAttributes: attributes !== undefined, dataSha256: sha256 };
}

/** Runs are compared at equal steps. */
function requireNotBeyond({ folder }: PlannedRun, steps: number): void {
  const trained = trainedSteps(folder);
  if (trained <= steps) return;
  throw new UserError(
    `${folder}: was trained for ${trained} steps, and --steps is ${steps}: runs are compared at equal steps, ` +
      `so give --steps ${trained}, or another --out`,
    { code: "usage" },
  );
}
