/** The loop of every training: steps, metrics, samples, evaluations, checkpoints, and stopping in order. */

import { cpus } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "@sdgan/core";
import { scope, stack, type Tensor, threads } from "@sdgan/torch";
import { restoreNewestCheckpoint, saveCheckpoint, type TrainingState } from "../artifacts/checkpoints.js";
import type { Device } from "../compute/device.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import type { Processes } from "../distributed/processes.js";
import { bestIn, betterOf } from "../run/best-figure.js";
import { MetricsLog } from "../run/metrics.js";
import type { ActiveRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { CpuContention } from "./cpu-contention.js";
import { TrainingMonitor } from "./monitor.js";
import { requireSameStates } from "./same-states.js";
import type { StepMetrics } from "./step-metrics.js";

/** Something that can be trained step by step. */
export interface TrainingTask {
  /** Steps taken so far. */
  readonly steps: number;
  /** The device of the networks. */
  readonly device: Device;
  /** Takes one step. The caller disposes of the returned tensors. */
  step(): StepMetrics | Promise<StepMetrics>;
  state(): TrainingState;
  restore(state: TrainingState): void;
  /** Writes the trained networks for use by others into the run folder. Called after every checkpoint. */
  publish(run: ActiveRun): void;
  /** Images that show the training's progress, as a PNG; `onMissingFont` as for `grid`. */
  sample?(onMissingFont: (advice: string) => void): Promise<Buffer>;
  /** Evaluations during training. */
  readonly evaluation?: EvaluationSchedule | undefined;
  /** Measurements of overfitting, every so many steps. They change nothing, and are the same for the same weights. */
  readonly overfitting?: { every: number; measure(): Record<string, number> } | undefined;
}

export interface EvaluationSchedule {
  /** Steps between two evaluations. */
  every: number;
  /**
   * Figures by name; the same for the same weights. Of several processes all call it, and only the first one gets figures.
   */
  measure(): Record<string, number> | Promise<Record<string, number>>;
  /** The SHA-256 of the network that measures, if it is one that is not trained. */
  sha256?: string;
  /** The name of the figure whose best checkpoint is kept. */
  best: string;
  better: "higher" | "lower";
  /** Training ends after this many evaluations in a row without a new best; 0: never. */
  patience?: number;
}

export interface LoopOptions {
  /** Absent in a process other than the first of several, which writes nothing. */
  run: ActiveRun | undefined;
  /** The processes that train together; by default this one alone. */
  processes?: Processes | undefined;
  /** Continue from the newest checkpoint. */
  resume: boolean;
  /** Stop after this step. */
  steps: number;
  /** Stop after this many seconds of training, if that is earlier. */
  seconds?: number;
  logEvery: number;
  sampleEvery: number;
  checkpointEvery: number;
  /** Save a checkpoint also when this many minutes have passed since the last one; 0, the default: never. */
  checkpointMinutes?: number;
  /** Number of newest checkpoints to keep; the best one is kept in addition. */
  keep: number;
  /** Ends the loop after the current step. */
  signal?: AbortSignal;
  /** The time in milliseconds, by default of this process. */
  now?: () => number;
  /** Called once, with the number of steps done before. */
  onBegin?(step: number): void;
  /** Called after every step, with the most recently read losses. */
  onStep?(step: number, losses: Record<string, number>): void;
  /** Called when `patience` ends training before `steps`: with the best step, or 0, and its figure's name. */
  onEarlyStop?(best: { step: number; name: string }): void;
  /** Called on problems that do not stop training, with advice. */
  onWarning?(line: string): void;
}

/**
 * Trains until `steps`, `seconds`, `signal` or the schedule's patience ends it, then saves. Returns the last step. The
 * result does not depend on where the run was stopped and resumed, nor on when samples are generated, figures measured or
 * checkpoints written.
 *
 * On a CPU, losses are read after every step. A GPU computes asynchronously and reading would wait for it, so there they
 * are read only when they are logged and before a checkpoint.
 *
 * Several processes take their steps together, and share the work of evaluations. The first one alone reads and writes the
 * run folder, and decides when to save and to end, while the others wait; before every checkpoint the states of all are
 * compared.
 *
 * @throws UserError if a loss is no longer finite; the last checkpoint stays.
 */
export async function trainingLoop(task: TrainingTask, options: LoopOptions): Promise<number> {
  const {
    run,
    steps,
    seconds = Number.POSITIVE_INFINITY,
    signal,
    keep,
    now = () => performance.now(),
  } = options;
  const { evaluation, overfitting } = task;
  const { processes } = options;
  let savedAt =
    run && options.resume
      ? restoreNewestCheckpoint(run.checkpoints, run.dependsOn, (state) => task.restore(state))
      : undefined;
  // The process that saved this checkpoint may have ended before it published the networks.
  if (run && savedAt !== undefined) task.publish(run);
  if (processes) savedAt = await beginAlike(task, processes, savedAt);
  using metrics = run && new MetricsLog(run.metrics, task.steps);
  let best = run && evaluation && bestIn(run.metrics, evaluation.best, evaluation.better);
  const monitor = new TrainingMonitor((line) => options.onWarning?.(line));
  const contention = new CpuContention();
  const begin = now();
  let savedTime = begin;

  const firstAlone = async (work: () => void | Promise<void>) =>
    processes ? await processes.firstAlone(work) : await work();
  const save = async () => {
    if (processes) scope(() => requireSameStates(task.steps, task.state(), processes));
    savedAt = task.steps;
    savedTime = now();
    await firstAlone(() => {
      const { checkpoints, dependsOn } = run!;
      scope(() =>
        saveCheckpoint(checkpoints, task.steps, task.state(), { keep, best: best?.step, dependsOn }),
      );
      task.publish(run!);
    });
  };
  const sample = async () => {
    using _ = holdRandomStreams(task.device);
    const name = `step-${String(task.steps).padStart(7, "0")}.png`;
    const png = await task.sample?.((advice) => options.onWarning?.(`${name} ${advice}`));
    if (!png) return;
    writeFileAtomic(join(run!.samples, name), png);
    metrics!.writeImage(task.steps, "samples", png);
  };

  const evaluate = async ({ measure, best: name, better }: EvaluationSchedule) => {
    using _ = holdRandomStreams(task.device);
    const step = task.steps;
    const figures = await measure();
    if (!metrics) return;
    metrics.write(step, figures);
    best = betterOf(best, { step, value: figures[name] ?? Number.NaN }, better);
    monitor.figures(step, figures, { name, best });
  };

  /** Whether the last `patience` evaluations brought no new best. Depends on steps alone, so that a resumed run agrees. */
  const hasStalled = () => {
    const { patience = 0, every } = evaluation ?? { every: 1 };
    return patience > 0 && Math.floor((task.steps - (best?.step ?? 0)) / every) >= patience;
  };

  const longest = 60_000 * (options.checkpointMinutes || Number.POSITIVE_INFINITY);
  const isCheckpoint = (step: number) => step % options.checkpointEvery === 0 || now() - savedTime >= longest;

  const from = task.steps;
  let losses: Record<string, number> = {};
  let statistics: Record<string, number> = {};
  /** Milliseconds that steps took, and the step at which they were last logged. */
  let [busy, loggedAt] = [0, from];
  options.onBegin?.(from);
  const hasTime = () => now() - begin < 1000 * seconds && !signal?.aborted;
  /** Of all processes, the first one decides, but a signal to any of them ends training. */
  const goesOn = () => {
    const own = task.steps < steps && hasTime() && !hasStalled();
    return processes ? processes.largest([Number(processes.isFirst ? !own : signal?.aborted)])[0] === 0 : own;
  };
  while (goesOn()) {
    const started = performance.now();
    const own = await task.step();
    const taken = processes ? averaged(own, processes) : own;
    const step = task.steps;
    const isLogged = step % options.logEvery === 0;
    const isDue = [options.sampleEvery, evaluation?.every, overfitting?.every].some(
      (every) => every !== undefined && step % every === 0,
    );
    // Decided once, since a GPU's losses are read before.
    const [isSaved, isExamined] = decided([isCheckpoint(step), isDue], processes) as [boolean, boolean];
    if (task.device === "cpu" || isLogged || isSaved || step >= steps) {
      [losses, statistics] = read(taken);
      refuseNonFinite(losses, step, savedAt);
      monitor.losses(step, losses);
    }
    for (const value of Object.values({ ...taken.losses, ...taken.statistics })) value.dispose();
    busy += performance.now() - started;
    if (isLogged && metrics) {
      metrics.write(step, { ...losses, ...statistics });
      metrics.writeTimings(step, {
        "seconds/step": busy / 1000 / (step - loggedAt),
        "memory/resident MiB": process.memoryUsage.rss() / 2 ** 20,
      });
      [busy, loggedAt] = [0, step];
      const others = task.device === "cpu" ? contention.cores(30) : undefined;
      if (others !== undefined) monitor.machine(step, { cores: cpus().length, threads: threads(), others });
    }
    options.onStep?.(step, losses);
    if (isExamined) {
      if (run && step % options.sampleEvery === 0) await sample();
      if (evaluation && step % evaluation.every === 0) await evaluate(evaluation);
      await firstAlone(() => {
        if (!overfitting || step % overfitting.every !== 0) return;
        const figures = overfitting.measure();
        metrics!.write(step, figures);
        monitor.overfitting(step, figures);
      });
    }
    const isBest = isExamined && decided([best?.step === step], processes)[0];
    if (isSaved || isBest) await save();
    await setImmediate(); // Lets signal handlers and timers run.
  }
  if (task.steps > from && task.steps % options.sampleEvery !== 0) await firstAlone(sample);
  if (task.steps > (savedAt ?? 0)) await save();
  if (evaluation && task.steps < steps && hasStalled())
    options.onEarlyStop?.({ step: best?.step ?? 0, name: evaluation.best });
  return task.steps;
}

/** Gives all processes the state of the first one, and the step that it was saved at. */
async function beginAlike(
  task: TrainingTask,
  processes: Processes,
  savedAt: number | undefined,
): Promise<number | undefined> {
  // A state may need statistics, which take time; after the meeting, the others wait for a minute at most.
  if (processes.isFirst) scope(() => void task.state());
  await processes.meet(); // All have made their networks.
  scope(() => {
    const own = processes.isFirst ? task.state() : undefined;
    const values = processes.fromFirst(own?.values);
    const tensors = processes.tensorsFromFirst(own?.tensors);
    if (!processes.isFirst) task.restore({ tensors, values });
  });
  return processes.fromFirst({ savedAt }).savedAt;
}

/** The first process's decisions, in all. */
function decided(own: readonly boolean[], processes: Processes | undefined): readonly boolean[] {
  if (!processes) return own;
  return processes.largest(own.map((one) => Number(processes.isFirst && one))).map((one) => one === 1);
}

/** The metrics' means over processes. */
function averaged({ losses, statistics }: StepMetrics, processes: Processes): StepMetrics {
  const all = processes.means({ ...losses, ...statistics });
  for (const value of Object.values({ ...losses, ...statistics })) value.dispose();
  const of = (own: Record<string, Tensor>) =>
    Object.fromEntries(Object.keys(own).map((name) => [name, all[name]!]));
  return { losses: of(losses), statistics: of(statistics) };
}

/** Reads all losses and statistics at once, so that a GPU is waited for only once. */
function read({ losses, statistics }: StepMetrics): [Record<string, number>, Record<string, number>] {
  const all = { ...losses, ...statistics };
  const values = scope(() => stack(Object.values(all).map((value) => value.to("float64"))).toNumbers());
  const numbers = new Map(Object.keys(all).map((name, i) => [name, values[i]!]));
  const named = (tensors: Record<string, Tensor>) =>
    Object.fromEntries(Object.keys(tensors).map((name) => [name, numbers.get(name)!]));
  return [named(losses), named(statistics)];
}

function refuseNonFinite(losses: Record<string, number>, step: number, savedAt: number | undefined): void {
  const [name, loss] = Object.entries(losses).find(([, value]) => !Number.isFinite(value)) ?? [];
  if (name === undefined) return;
  const left =
    savedAt === undefined ? "there is no checkpoint yet" : `the checkpoint of step ${savedAt} is kept`;
  throw new UserError(
    `step ${step}: the loss ${name} is ${loss}, so training stopped; ${left}. ` +
      "Begin another run with smaller learning rates or with training.precision=float32.",
    { code: "training.failed" },
  );
}
