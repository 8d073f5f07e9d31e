/** What the loop trains: DAMSM, the attribute classifier or the GAN, step by step. */
import type { TrainingState } from "../artifacts/checkpoints.js";
import type { Device } from "../compute/device.js";
import type { ActiveRun } from "../run/run-folder.js";
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
