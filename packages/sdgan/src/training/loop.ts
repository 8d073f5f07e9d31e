/** The loop that every training goes through: steps, metrics, samples, checkpoints, and stopping in good order. */

import { cpus } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "@sdgan/core";
import { scope, stack, type Tensor, threads } from "@sdgan/torch";
import { restoreNewestCheckpoint, saveCheckpoint, type TrainingState } from "../artifacts/checkpoints.js";
import type { Device } from "../compute/device.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import { bestIn, betterOf } from "../run/best-figure.js";
import { MetricsLog } from "../run/metrics.js";
import type { ActiveRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { CpuContention } from "./cpu-contention.js";
import { TrainingMonitor } from "./monitor.js";
import type { StepMetrics } from "./step-metrics.js";

/** Something that can be trained step by step. */
export interface TrainingTask {
  /** Steps taken so far. */
  readonly steps: number;
  /** Where it is trained. */
  readonly device: Device;
  /** Takes one step. The tensors that it returns are the caller's. */
  step(): StepMetrics | Promise<StepMetrics>;
  state(): TrainingState;
  restore(state: TrainingState): void;
  /** Writes what others use of it into the run folder. Called after every checkpoint. */
  publish(run: ActiveRun): void;
  /** An image of how far it is, as a PNG. */
  sample?(): Promise<Buffer>;
  /** How good it is, now and then. */
  readonly evaluation?: EvaluationSchedule | undefined;
}

export interface EvaluationSchedule {
  /** Steps between two. */
  every: number;
  /** Figures by name; the same for the same weights. */
  measure(): Record<string, number>;
  /** The name of the figure whose best checkpoint is kept. */
  best: string;
  better: "higher" | "lower";
  /** Training ends after so many in a row that were not better than the best one; 0: never. */
  patience?: number;
}

export interface LoopOptions {
  run: ActiveRun;
  /** Go on from the newest checkpoint. */
  resume: boolean;
  /** Stop after this step. */
  steps: number;
  /** Stop after so many seconds of training, if that is earlier. */
  seconds?: number;
  logEvery: number;
  sampleEvery: number;
  checkpointEvery: number;
  /** Checkpoints kept, the newest; the best one is kept beside them. */
  keep: number;
  /** Ends the loop after the step that is under way. */
  signal?: AbortSignal;
  /** Called once, with the steps that were taken before. */
  onBegin?(step: number): void;
  /** Called after every step, with the losses that were read last. */
  onStep?(step: number, losses: Record<string, number>): void;
  /** Called when training ends before `steps`, as `patience` asks: with the best step, or 0, and its figure's name. */
  onEarlyStop?(best: { step: number; name: string }): void;
  /** Called when training goes wrong in a way that it does not end by, with what to try. */
  onWarning?(line: string): void;
}

/**
 * Trains until `steps`, `seconds`, `signal` or the schedule's patience ends it; its state is saved then. Returns the
 * last step. What a run becomes does not depend on where it was stopped and resumed, nor on when samples are drawn or
 * figures measured.
 *
 * Losses are read after every step where that costs nothing. A GPU computes behind us, and reading would wait for it: so
 * there they are read only when they are written down, and before a checkpoint.
 *
 * @throws UserError if a loss that was read is not finite any more: the last checkpoint stays.
 */
export async function trainingLoop(task: TrainingTask, options: LoopOptions): Promise<number> {
  const { run, steps, seconds = Number.POSITIVE_INFINITY, signal, keep } = options;
  const { evaluation } = task;
  let savedAt = options.resume
    ? restoreNewestCheckpoint(run.checkpoints, run.dependsOn, (state) => task.restore(state))
    : undefined;
  if (savedAt !== undefined) task.publish(run); // The process may have ended between checkpoint and this.
  using metrics = new MetricsLog(run.metrics, task.steps);
  let best = evaluation && bestIn(run.metrics, evaluation.best, evaluation.better);
  const monitor = new TrainingMonitor((line) => options.onWarning?.(line));
  const neighbours = new CpuContention();
  const begin = performance.now();

  const save = () => {
    const { checkpoints, dependsOn } = run;
    scope(() => saveCheckpoint(checkpoints, task.steps, task.state(), { keep, best: best?.step, dependsOn }));
    savedAt = task.steps;
    task.publish(run);
  };
  const sample = async () => {
    using _ = holdRandomStreams(task.device);
    const png = await task.sample?.();
    if (!png) return;
    writeFileAtomic(join(run.samples, `step-${String(task.steps).padStart(7, "0")}.png`), png);
    metrics.writeImage(task.steps, "samples", png);
  };

  const evaluate = ({ measure, best: name, better }: EvaluationSchedule) => {
    using _ = holdRandomStreams(task.device);
    const step = task.steps;
    const figures = measure();
    metrics.write(step, figures);
    best = betterOf(best, { step, value: figures[name] ?? Number.NaN }, better);
    monitor.figures(step, figures, { name, best });
  };

  /** Whether the last evaluations were not better: told from steps alone, so that it is the same for a resumed run. */
  const hasStalled = () => {
    const { patience = 0, every } = evaluation ?? { every: 1 };
    return patience > 0 && Math.floor((task.steps - (best?.step ?? 0)) / every) >= patience;
  };

  const from = task.steps;
  let losses: Record<string, number> = {};
  let statistics: Record<string, number> = {};
  /** Time that steps took, and after which step it was last told. */
  let [busy, told] = [0, from];
  options.onBegin?.(from);
  const hasTime = () => performance.now() - begin < 1000 * seconds && !signal?.aborted;
  while (task.steps < steps && hasTime() && !hasStalled()) {
    const started = performance.now();
    const taken = await task.step();
    const step = task.steps;
    const isLogged = step % options.logEvery === 0;
    if (task.device === "cpu" || isLogged || step % options.checkpointEvery === 0 || step >= steps) {
      [losses, statistics] = read(taken);
      refuseNonFinite(losses, step, savedAt);
      monitor.losses(step, losses);
    }
    for (const value of Object.values({ ...taken.losses, ...taken.statistics })) value.dispose();
    busy += performance.now() - started;
    if (isLogged) {
      metrics.write(step, { ...losses, ...statistics });
      metrics.writeTimings(step, {
        "seconds/step": busy / 1000 / (step - told),
        "memory/resident MiB": process.memoryUsage.rss() / 2 ** 20,
      });
      [busy, told] = [0, step];
      const others = task.device === "cpu" ? neighbours.cores(30) : undefined;
      if (others !== undefined) monitor.machine(step, { cores: cpus().length, threads: threads(), others });
    }
    options.onStep?.(step, losses);
    if (step % options.sampleEvery === 0) await sample();
    if (evaluation && step % evaluation.every === 0) evaluate(evaluation);
    if (step % options.checkpointEvery === 0 || best?.step === step) save();
    await setImmediate(); // Lets signals and timers in.
  }
  if (task.steps > from && task.steps % options.sampleEvery !== 0) await sample();
  if (task.steps > (savedAt ?? 0)) save();
  if (evaluation && task.steps < steps && hasStalled())
    options.onEarlyStop?.({ step: best?.step ?? 0, name: evaluation.best });
  return task.steps;
}

/** All losses and statistics at once, so that a GPU is waited for once. */
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
    savedAt === undefined ? "there is no checkpoint yet" : `the checkpoint of step ${savedAt} stays`;
  throw new UserError(
    `step ${step}: the loss ${name} is ${loss}, so training stopped; ${left}. ` +
      "Begin another run with smaller learning rates or with training.precision=float32.",
    { code: "training.failed" },
  );
}
