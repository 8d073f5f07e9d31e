/** The loop that every training goes through: steps, metrics, samples, checkpoints, and stopping in good order. */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { writeFileAtomic } from "../run/atomic-file.js";
import { MetricsLog } from "../run/metrics.js";
import type { ActiveRun } from "../run/run-folder.js";
import { loadNewestCheckpoint, saveCheckpoint, type TrainingState } from "./checkpoint.js";

/** Something that can be trained step by step. */
export interface Trainee {
  /** Steps taken so far. */
  readonly steps: number;
  /** Takes one step; gives its losses by name. */
  step(): Record<string, number>;
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
  onStep?(step: number, losses: Record<string, number>): void;
}

/** Trains until `steps`, `seconds` or `signal` ends it; its state is saved then. Returns the last step. */
export async function trainingLoop(trainee: Trainee, options: LoopOptions): Promise<number> {
  const { run, steps, seconds = Number.POSITIVE_INFINITY, signal, keep } = options;
  const saved = options.resume ? loadNewestCheckpoint(run.checkpoints) : undefined;
  if (saved) trainee.restore(saved);
  using metrics = new MetricsLog(run.metrics, trainee.steps);
  const begin = performance.now();
  let savedAt = saved?.step;

  const save = () => {
    saveCheckpoint(run.checkpoints, trainee.steps, trainee.state(), keep);
    trainee.publish(run);
    savedAt = trainee.steps;
  };
  const sample = async () => {
    const png = await trainee.sample?.();
    if (!png) return;
    writeFileAtomic(join(run.samples, `step-${String(trainee.steps).padStart(7, "0")}.png`), png);
    metrics.writeImage(trainee.steps, "samples", png);
  };

  while (trainee.steps < steps && performance.now() - begin < 1000 * seconds && !signal?.aborted) {
    const started = performance.now();
    const losses = trainee.step();
    const step = trainee.steps;
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
  if (savedAt !== trainee.steps) {
    await sample();
    save();
  }
  return trainee.steps;
}
