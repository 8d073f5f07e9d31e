/** What training asks of an evaluation. Training does not know how it is done: `makeEvaluator` of `evaluation/` is handed in. */
import type { Config } from "@sdgan/core";
import type { Damsm } from "../artifacts/damsm.js";
import type { GenerationNetworks } from "../artifacts/model.js";
import type { Compute } from "../compute/compute.js";
import type { Prepared } from "../data/prepared.js";

/** Measures a generator while it is trained. */
export interface Evaluator {
  /** Steps between two measurements. */
  every: number;
  /** The name of the figure that decides which checkpoint is the best one, as `measure` names it. */
  best: string;
  better: "higher" | "lower";
  /** The same captions and noise every time: `trainingFigures` by name, the network's name before them. */
  measure(networks: GenerationNetworks): Record<string, number>;
}

/** The evaluator of the run folder `run`; undefined where `config.evaluate` asks for none. */
export type MakeEvaluator = (
  run: string,
  options: { config: Config; data: Prepared; damsm: Damsm; compute: Compute },
) => Evaluator | undefined;
