/** The loop that every training goes through: steps, metrics, samples, checkpoints, and stopping in good order. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { scope } from "@sdgan/torch";
import { UserError } from "../errors.js";
import { holdRandomStream } from "../held-stream.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { MetricsLog } from "../run/metrics.js";
import type { ActiveRun } from "../run/run-folder.js";
import { restoreNewestCheckpoint, saveCheckpoint, type TrainingState } from "./checkpoint.js";

/** Something that can be trained step by step. */
export interface Trainee {
  /** Steps taken so far. */
  readonly steps: number;
  /** Takes one step; gives its losses by name. */
  step(): Record<string, number> | Promise<Record<string, number>>;
  state(): TrainingState;
  restore(state: TrainingState): void;
  /** Writes what others use of it into the run folder. Called after every checkpoint. */
  publish(run: ActiveRun): void;
  /** A picture of how far it is, as a PNG. */
  sample?(): Promise<Buffer>;
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
  /** Checkpoints kept. */
  keep: number;
  /** Ends the loop after the step that is under way. */
  signal?: AbortSignal;
  /** Called once, with the steps that were taken before. */
  onBegin?(step: number): void;
  onStep?(step: number, losses: Record<string, number>): void;
}

/**
 * Trains until `steps`, `seconds` or `signal` ends it; its state is saved then. Returns the last step. What a run
 * becomes does not depend on where it was stopped and resumed, nor on when samples are drawn.
 * @throws UserError if a loss is not finite any more: the last checkpoint stays.
 */
export async function trainingLoop(trainee: Trainee, options: LoopOptions): Promise<number> {
  const { run, steps, seconds = Number.POSITIVE_INFINITY, signal, keep } = options;
  let savedAt = options.resume
    ? restoreNewestCheckpoint(run.checkpoints, (state) => trainee.restore(state))
    : undefined;
  if (savedAt !== undefined) trainee.publish(run); // The process may have ended between checkpoint and this.
  using metrics = new MetricsLog(run.metrics, trainee.steps);
  const begin = performance.now();

  const save = () => {
    scope(() => saveCheckpoint(run.checkpoints, trainee.steps, trainee.state(), keep));
    savedAt = trainee.steps;
    trainee.publish(run);
  };
  const sample = async () => {
    using _ = holdRandomStream();
    const png = await trainee.sample?.();
    if (!png) return;
    writeFileAtomic(join(run.samples, `step-${String(trainee.steps).padStart(7, "0")}.png`), png);
    metrics.writeImage(trainee.steps, "samples", png);
  };

  const from = trainee.steps;
  options.onBegin?.(from);
  while (trainee.steps < steps && performance.now() - begin < 1000 * seconds && !signal?.aborted) {
    const started = performance.now();
    const losses = await trainee.step();
    const step = trainee.steps;
    refuseNonFinite(losses, step, savedAt);
    if (step % options.logEvery === 0) {
      metrics.write(step, losses);
      metrics.writeTimings(step, {
        "seconds/step": (performance.now() - started) / 1000,
        "memory/resident MiB": process.memoryUsage.rss() / 2 ** 20,
      });
    }
    options.onStep?.(step, losses);
    if (step % options.sampleEvery === 0) await sample();
    if (step % options.checkpointEvery === 0) save();
    await setImmediate(); // Lets signals and timers in.
  }
  if (trainee.steps > from && trainee.steps % options.sampleEvery !== 0) await sample();
  if (trainee.steps > (savedAt ?? 0)) save();
  return trainee.steps;
}

function refuseNonFinite(losses: Record<string, number>, step: number, savedAt: number | undefined): void {
  const [name, loss] = Object.entries(losses).find(([, value]) => !Number.isFinite(value)) ?? [];
  if (name === undefined) return;
  const left =
    savedAt === undefined ? "there is no checkpoint yet" : `the checkpoint of step ${savedAt} stays`;
  throw new UserError(
    `step ${step}: the loss ${name} is ${loss}, so training stopped; ${left}. ` +
      "Begin another run with smaller learning rates or with training.precision=float32.",
  );
}
