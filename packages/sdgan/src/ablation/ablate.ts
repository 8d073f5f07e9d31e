/** Trains and evaluates every variant with every seed, and compares them. Completed work is not repeated. */

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
import { type ContrastNames, contrastsToReport } from "./contrasts.js";
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
  /** Steps of every run; by default `training.steps` of the configuration. */
  steps?: number | undefined;
  /** Number of runs at a time. */
  jobs: number;
  /** Threads per run. */
  threads: number;
  /** Run folders whose DAMSM and attribute classifier are used; by default they are trained here. */
  damsm?: string | undefined;
  attributeClassifier?: string | undefined;
  /**
   * A run folder whose DAMSM computes R-precision; by default it is trained here. Its seed must differ from
   * that of the DAMSM that the runs train with.
   */
  evaluationDamsm?: string | undefined;
  /**
   * A file with the Inception weights that FID is defined by. If given, images are compared by its features.
   */
  inception?: string | undefined;
  /** Number of images per evaluation. */
  images: number;
  /** Differences to report besides those that every ablation does. */
  contrasts?: readonly ContrastNames[] | undefined;
  signal: AbortSignal;
  /** Called when a part of the work begins. It has `steps` steps, of which `from` were done before. */
  onBegin?(part: string, from: number, steps: number): void;
  onProgress?(steps: number, fields: Record<string, string>): void;
  /** Called with the results of all runs while the folder is still locked: writes the report. */
  report?(result: AblationResult): Promise<unknown>;
  /** Called with a message for the user. */
  say?(line: string): void;
}

/**
 * Writes into `out`: `shared/` (DAMSM and attribute classifier), `evaluation-damsm/` (the DAMSM for
 * R-precision), `runs/VARIANT/seed-N` (run folders), `logs/`, and after every run `ablation.json` and
 * `ablation.md`. Returns undefined if `signal` interrupted it before the last run.
 * @throws UserError before training, if options, networks or existing runs do not match; after all other runs
 *   are complete, if runs failed
 */
export async function ablate(options: AblateOptions): Promise<AblationResult | undefined> {
  const { out, data, signal } = options;
  const base = loadConfig(options.config, options.set);
  const steps = options.steps ?? base.training.steps;
  const runs = planRuns(options);
  const compared = {
    equal: equalVariants(options.config, options.set),
    contrasts: contrastsToReport(options.config, options.set, options.contrasts),
  };
  for (const run of runs) requireNotBeyond(run, steps);
  for (const { variant, seed } of seedsIn(out))
    for (const run of planRuns({ ...options, variants: [variant], seeds: [seed] })) requireAsPlanned(run);
  requireNetworks(options, base);
  const { hasAttributes, dataSha256 } = aboutData(data);
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
    const evaluationDamsm = options.evaluationDamsm ?? join(out, evaluationDamsmFolder);
    const attributeClassifier = options.attributeClassifier ?? (hasAttributes ? shared : undefined);
    const trainings: SharedTraining[] = [
      ...(options.damsm ? [] : [{ what: "damsm", run: shared, seed: base.seed } as const]),
      ...(options.evaluationDamsm
        ? []
        : [{ what: "damsm", run: evaluationDamsm, seed: otherSeed(options, base) } as const]),
      ...(options.attributeClassifier || !hasAttributes
        ? []
        : [{ what: "attribute-classifier", run: shared, seed: base.seed } as const]),
    ];
    for (const training of trainings)
      if (!(await trainShared(training, base, commands, options))) return undefined;

    const setting: EvaluationSetting = {
      ...{ steps, data, dataSha256, images: options.images },
      networks: {
        damsm: sha256Of(damsmPath(evaluationDamsm)),
        ...(attributeClassifier && {
          attributeClassifier: sha256Of(attributeClassifierPath(attributeClassifier)),
        }),
        ...(options.inception && { inception: sha256Of(options.inception) }),
      },
    };
    const gather = () => gatherResults(out, setting, compared);
    const failed = await trainRuns(
      runs,
      { ...options, ...{ setting, damsm, evaluationDamsm, attributeClassifier } },
      commands,
      gather,
    );
    if (signal.aborted) return undefined;
    const result = gather();
    await options.report?.(result);
    if (failed > 0) {
      throw new UserError(
        `${failed} of ${runs.length} runs failed, as reported above; the others are in the table. ` +
          "The same command retries the failed runs from their last checkpoints",
        { code: "training.failed" },
      );
    }
    return result;
  } finally {
    release();
  }
}

/** Folder of the DAMSM for R-precision in an ablation's folder. */
const evaluationDamsmFolder = "evaluation-damsm";

interface SharedTraining {
  what: "damsm" | "attribute-classifier";
  /** The run folder that the network is trained in. */
  run: string;
  seed: number;
}

/** Trains a network that all runs share. Returns whether it is complete. */
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
  evaluationDamsm: string;
}

/**
 * Executes all incomplete runs, `jobs` at a time. Continues after a failed run. Returns the number of failed
 * runs.
 */
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

/** Trains and evaluates a run. Returns whether it is complete. */
async function trainAndEvaluate(
  { variant, seed, folder, settings }: PlannedRun,
  { config, data, out, setting, damsm, evaluationDamsm, attributeClassifier, inception, images }: RunOptions,
  commands: Commands,
): Promise<boolean> {
  const { steps } = setting;
  const log = join(out, "logs", `${variant.name}-seed-${seed}.txt`);
  if (attributeClassifier) copyAttributeClassifier(attributeClassifier, folder);
  if (trainedSteps(folder) < steps || !isPublished(folder, modelFile)) {
    const how = holdsRun(folder)
      ? ["--resume"]
      : ["--config", config, ...asOptions(settings), "--damsm", damsm];
    const args = ["train", "gan", "--data", data, "--run", folder, "--steps", String(steps), ...how];
    if (!(await commands.run(args, log))) return false;
  }
  const networks = ["--damsm", evaluationDamsm, ...(inception ? ["--inception", inception] : [])];
  const args = ["--run", folder, "--data", data, ...networks, "--images", String(images)];
  if (!(await commands.run(["evaluate", ...args], log))) return false;
  if (isEvaluated(folder, setting)) return true;
  throw new UserError(
    `${folder}: its evaluation.json does not have the settings that sdgan evaluate was called with`,
    {
      code: "file.exists",
    },
  );
}

/**
 * Copies the attribute classifier of the run folder `from` into `run`, where training and evaluation expect
 * it.
 */
function copyAttributeClassifier(from: string, run: string): void {
  const [source, target] = [from, run].map((folder) =>
    join(folder, "attribute-classifier", attributeClassifierFile),
  ) as [string, string];
  const bytes = onDisk(source, () => readFileSync(source));
  if (existsSync(target) && onDisk(target, () => readFileSync(target)).equals(bytes)) return;
  onDisk(target, () => ensureFolder(dirname(target)));
  writeFileAtomic(target, bytes);
}

/** Step of the newest checkpoint, from which training resumes. */
function trainedSteps(folder: string): number {
  return checkpointSteps(join(folder, "checkpoints")).at(-1) ?? 0;
}

/**
 * Whether `file`, the result of a training, is as new as the newest checkpoint. A process may end after it
 * saved the checkpoint and before it wrote the file.
 */
function isPublished(folder: string, file: string): boolean {
  const [checkpoint, published] = [newestCheckpoint(join(folder, "checkpoints")), join(folder, file)];
  if (checkpoint === undefined || !existsSync(published)) return false;
  return statSync(published).mtimeMs >= statSync(checkpoint).mtimeMs;
}

/** The last step in the metrics of a training, which may be running. */
function stepUnderWay(folder: string): number {
  const path = join(folder, "metrics.jsonl");
  return existsSync(path) ? (readMetrics(path).at(-1)?.step ?? 0) : 0;
}

/** Calls `update` every second until it is disposed of. */
function monitor(update: () => void): Disposable {
  const timer = setInterval(update, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function asOptions(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ["--set", setting]);
}

/**
 * Checks that the given networks exist and are suitable.
 * @throws UserError otherwise
 */
function requireNetworks(
  { damsm, evaluationDamsm, attributeClassifier, inception, config, data }: AblateOptions,
  base: Config,
): void {
  if (base.damsm.encoder === "inception" && !(damsm && evaluationDamsm))
    throw new UserError(
      "damsm.encoder is inception, and sdgan ablate has no option for its weights: train both DAMSMs first, with two seeds " +
        `(sdgan train damsm --config ${config} --data ${data} --run RUN --inception FILE, and with --set seed=1 --run OTHER), ` +
        "and give --damsm RUN --evaluation-damsm OTHER",
      { code: "usage" },
    );
  const [training, evaluating] = [damsm, evaluationDamsm].map((run) => (run ? damsmPath(run) : undefined));
  if (training && evaluating) requireIndependent(evaluating, training, "--evaluation-damsm");
  if (attributeClassifier && !existsSync(attributeClassifierPath(attributeClassifier)))
    throw new UserError(
      `--attribute-classifier ${attributeClassifier}: there is no ${attributeClassifierPath(attributeClassifier)}: ` +
        "train it with sdgan train attribute-classifier",
      { code: "file.missing" },
    );
  if (inception && !existsSync(inception))
    throw new UserError(`--inception ${inception}: there is no such file`, { code: "file.missing" });
}

/** The seed of an evaluation DAMSM that is trained here: not that of the DAMSM that the runs train with. */
function otherSeed({ damsm }: AblateOptions, base: Config): number {
  return (damsm ? openRun(damsmFolder(damsm)).config.seed : base.seed) + 1;
}

/** Refuses data other than that of the runs and shared networks in `out`. */
function requireSameData(out: string, data: NonNullable<Dependencies["data"]>): void {
  const [shared, evaluationDamsm] = [join(out, "shared"), join(out, evaluationDamsmFolder)];
  const folders = [
    ...[damsmFolder(shared), damsmFolder(evaluationDamsm), join(shared, "attribute-classifier")],
    ...seedsIn(out).map(({ variant, seed }) => runFolder(out, variant, seed)),
  ];
  for (const folder of folders.filter(holdsRun))
    requireSameDependencies(folder, readDependencies(folder), { data });
}

function aboutData(folder: string): { hasAttributes: boolean; dataSha256: string } {
  const { attributes, sha256, close } = openPrepared(folder);
  close();
  return { hasAttributes: attributes !== undefined, dataSha256: sha256 };
}

/** Refuses a run with more steps than `steps`: runs are compared at equal steps. */
function requireNotBeyond({ folder }: PlannedRun, steps: number): void {
  const trained = trainedSteps(folder);
  if (trained <= steps) return;
  throw new UserError(
    `${folder}: was trained for ${trained} steps, and --steps is ${steps}: runs are compared at equal steps, ` +
      `so give --steps ${trained}, or another --out`,
    { code: "usage" },
  );
}
