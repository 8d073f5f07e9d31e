/** The loop of every training: steps, metrics, samples, evaluations, checkpoints, and stopping in order. */

import { cpus } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "@sdgan/core";
import { scope, threads } from "@sdgan/torch";
import { restoreNewestCheckpoint, saveCheckpoint } from "../artifacts/checkpoints.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import type { Processes } from "../distributed/processes.js";
import { type Best, bestIn, betterOf } from "../run/best-figure.js";
import { MetricsLog } from "../run/metrics.js";
import type { ActiveRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { CpuContention } from "./cpu-contention.js";
import { LoopProcesses } from "./loop-processes.js";
import { TrainingMonitor } from "./monitor.js";
import { disposeOf, numbersOf, type StepNumbers } from "./step-metrics.js";
import type { EvaluationSchedule, TrainingTask } from "./training-task.js";

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
  const processes = new LoopProcesses(options.processes);
  const restored = restoreNewest(task, options);
  const savedAt = await processes.beginAlike(task, restored);
  using metrics = options.run && new MetricsLog(options.run.metrics, task.steps);
  return await new Loop(task, options, { processes, metrics, savedAt }).train();
}

/** Restores the newest checkpoint of a run that is resumed. Returns its step. */
function restoreNewest(task: TrainingTask, { run, resume }: LoopOptions): number | undefined {
  if (!run || !resume) return undefined;
  const savedAt = restoreNewestCheckpoint(run.checkpoints, run.dependsOn, (state) => task.restore(state));
  // The process that saved this checkpoint may have ended before it published the networks.
  if (savedAt !== undefined) task.publish(run);
  return savedAt;
}

interface LoopBegin {
  processes: LoopProcesses;
  /** Absent in processes that write nothing. */
  metrics: MetricsLog | undefined;
  /** The step of the checkpoint that was restored. */
  savedAt: number | undefined;
}

class Loop {
  readonly #task: TrainingTask;
  readonly #options: LoopOptions;
  readonly #processes: LoopProcesses;
  readonly #metrics: MetricsLog | undefined;
  readonly #monitor: TrainingMonitor;
  readonly #contention = new CpuContention();
  readonly #now: () => number;
  /** Time and step at which this loop began. */
  readonly #begin: { time: number; step: number };
  /** The newest checkpoint. Before the first one, the time is that of the begin. */
  #saved: { time: number; step: number | undefined };
  /** The best figure of all evaluations, also of those before a resume. */
  #best: Best | undefined;
  /** The values that were read last. */
  #read: StepNumbers = { losses: {}, statistics: {} };
  /** Milliseconds that steps took since values were last logged, and the step of that. */
  #busy: { time: number; since: number };

  constructor(task: TrainingTask, options: LoopOptions, { processes, metrics, savedAt }: LoopBegin) {
    const { run } = options;
    const { evaluation, steps } = task;
    this.#task = task;
    this.#options = options;
    this.#processes = processes;
    this.#metrics = metrics;
    this.#best = run && evaluation && bestIn(run.metrics, evaluation.best, evaluation.better);
    this.#monitor = new TrainingMonitor((line) => options.onWarning?.(line));
    this.#now = options.now ?? (() => performance.now());
    this.#begin = { time: this.#now(), step: steps };
    this.#saved = { time: this.#begin.time, step: savedAt };
    this.#busy = { time: 0, since: steps };
  }

  async train(): Promise<number> {
    this.#options.onBegin?.(this.#begin.step);
    while (this.#goesOn()) {
      await this.#step();
      await setImmediate(); // Lets signal handlers and timers run.
    }
    await this.#end();
    return this.#task.steps;
  }

  /** Whether there is another step to take. */
  #goesOn(): boolean {
    const { steps, seconds = Number.POSITIVE_INFINITY, signal } = this.#options;
    const isAborted = signal?.aborted ?? false;
    const hasTime = () => this.#now() - this.#begin.time < 1000 * seconds;
    const own = this.#task.steps < steps && hasTime() && !isAborted && !this.#hasStalled();
    return this.#processes.goesOn(own, isAborted);
  }

  /** Takes a step, and does what is due after it. */
  async #step(): Promise<void> {
    const task = this.#task;
    const { steps, logEvery, sampleEvery } = this.#options;
    const started = performance.now();
    const metrics = this.#processes.averaged(await task.step());
    const step = task.steps;
    const isLogged = this.#isDue(logEvery);
    // Decided once, since a GPU's losses are read before.
    const [isSaved, isExamined] = this.#processes.decided(
      this.#isCheckpoint(),
      this.#isDue(sampleEvery, task.evaluation?.every, task.overfitting?.every),
    );
    if (task.device === "cpu" || isLogged || isSaved || step >= steps) {
      this.#read = numbersOf(metrics);
      refuseNonFinite(this.#read.losses, step, this.#saved.step);
      this.#monitor.losses(step, this.#read.losses);
    }
    disposeOf(metrics);
    this.#busy.time += performance.now() - started;
    if (isLogged) this.#log();
    this.#options.onStep?.(step, this.#read.losses);
    if (isExamined) await this.#examine();
    const isBest = isExamined && this.#processes.decided(this.#best?.step === step)[0];
    if (isSaved || isBest) await this.#save();
  }

  /** Saves what was trained since the last checkpoint. */
  async #end(): Promise<void> {
    const { evaluation, steps: step } = this.#task;
    const { sampleEvery, steps } = this.#options;
    if (step > this.#begin.step && !this.#isDue(sampleEvery))
      await this.#processes.firstAlone(() => this.#sample());
    if (step > (this.#saved.step ?? 0)) await this.#save();
    if (evaluation && step < steps && this.#hasStalled())
      this.#options.onEarlyStop?.({ step: this.#best?.step ?? 0, name: evaluation.best });
  }

  #isCheckpoint(): boolean {
    const { checkpointEvery, checkpointMinutes } = this.#options;
    const longest = 60_000 * (checkpointMinutes || Number.POSITIVE_INFINITY);
    return this.#isDue(checkpointEvery) || this.#now() - this.#saved.time >= longest;
  }

  /** Whether something is done after this step that is done every so many steps. */
  #isDue(...intervals: (number | undefined)[]): boolean {
    return intervals.some((every) => every !== undefined && this.#task.steps % every === 0);
  }

  /** Whether the last `patience` evaluations brought no new best. Depends on steps alone, so that a resumed run agrees. */
  #hasStalled(): boolean {
    const { evaluation, steps } = this.#task;
    const { patience = 0, every } = evaluation ?? { every: 1 };
    return patience > 0 && Math.floor((steps - (this.#best?.step ?? 0)) / every) >= patience;
  }

  /** Writes the values that were read last, and what the steps since the last time took. */
  #log(): void {
    if (!this.#metrics) return;
    const { device, steps: step } = this.#task;
    this.#metrics.write(step, { ...this.#read.losses, ...this.#read.statistics });
    this.#metrics.writeTimings(step, {
      "seconds/step": this.#busy.time / 1000 / (step - this.#busy.since),
      "memory/resident MiB": process.memoryUsage.rss() / 2 ** 20,
    });
    this.#busy = { time: 0, since: step };
    const others = device === "cpu" ? this.#contention.cores(30) : undefined;
    if (others !== undefined)
      this.#monitor.machine(step, { cores: cpus().length, threads: threads(), others });
  }

  /** Generates samples, evaluates and measures overfitting, each if it is due. */
  async #examine(): Promise<void> {
    const { evaluation } = this.#task;
    if (this.#metrics && this.#isDue(this.#options.sampleEvery)) await this.#sample();
    if (evaluation && this.#isDue(evaluation.every)) await this.#evaluate(evaluation);
    await this.#processes.firstAlone(() => this.#measureOverfitting());
  }

  async #sample(): Promise<void> {
    const task = this.#task;
    using _ = holdRandomStreams(task.device);
    const name = `step-${String(task.steps).padStart(7, "0")}.png`;
    const png = await task.sample?.((advice) => this.#options.onWarning?.(`${name} ${advice}`));
    if (!png) return;
    writeFileAtomic(join(this.#options.run!.samples, name), png);
    this.#metrics!.writeImage(task.steps, "samples", png);
  }

  async #evaluate({ measure, best: name, better }: EvaluationSchedule): Promise<void> {
    const { device, steps: step } = this.#task;
    using _ = holdRandomStreams(device);
    const figures = await measure();
    if (!this.#metrics) return;
    this.#metrics.write(step, figures);
    this.#best = betterOf(this.#best, { step, value: figures[name] ?? Number.NaN }, better);
    this.#monitor.figures(step, figures, { name, best: this.#best });
  }

  #measureOverfitting(): void {
    const { overfitting, steps: step } = this.#task;
    if (!overfitting || !this.#isDue(overfitting.every)) return;
    const figures = overfitting.measure();
    this.#metrics!.write(step, figures);
    this.#monitor.overfitting(step, figures);
  }

  async #save(): Promise<void> {
    const task = this.#task;
    this.#processes.requireSameStates(task);
    this.#saved = { time: this.#now(), step: task.steps };
    await this.#processes.firstAlone(() => {
      const { run, keep } = this.#options;
      const { checkpoints, dependsOn } = run!;
      const best = this.#best?.step;
      scope(() => saveCheckpoint(checkpoints, task.steps, task.state(), { keep, best, dependsOn }));
      task.publish(run!);
    });
  }
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
