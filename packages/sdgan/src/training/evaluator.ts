import type { GenerationNetworks } from "../generation/generate.js";

/** Measures a generator that is being trained. */
export interface Evaluator {
  /** Steps between two measurements. */
  every: number;
  /** The name of the figure that tells which checkpoint is the best one, as `measure` names it. */
  best: string;
  better: "higher" | "lower";
  /** The same captions and noise every time: `trainingFigures` by name, the network's name before them. */
  measure(networks: GenerationNetworks): Record<string, number>;
}
