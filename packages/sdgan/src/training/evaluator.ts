/** The interface to evaluation during training. `makeEvaluator` of `evaluation/` implements it and is passed in. */
import type { Config } from "@sdgan/core";
import type { Damsm } from "../artifacts/damsm.js";
import type { GenerationNetworks } from "../artifacts/model.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import type { Prepared } from "../data/prepared.js";
import type { WorkShare } from "../distributed/work-share.js";

/** Evaluates a generator during training. */
export interface Evaluator {
  /** Steps between two evaluations. */
  every: number;
  /** The figure that determines the best checkpoint, by its name in the result of `measure`. */
  best: string;
  better: "higher" | "lower";
  /** Of the weights of the feature network. */
  sha256: string;
  /**
   * The figures by name, with the network's name as prefix. Captions and noise are the same at every call. Of several
   * processes, which all call it with the same networks, only the first one gets figures.
   */
  measure(networks: GenerationNetworks): Promise<Record<string, number>>;
}

/** Measures a DAMSM in training. */
export interface DamsmEvaluator {
  /** Steps between two measurements. */
  every: number;
  /** The figure that determines the best DAMSM, by its name in the result of `measure`. Higher is better. */
  best: string;
  /** @param damsm in evaluation mode */
  measure(damsm: Damsm): Record<string, number>;
}

/** The evaluator of DAMSM; undefined if `config.damsm` requests none. */
export type MakeDamsmEvaluator = (options: {
  config: Config;
  data: Prepared;
  device: Device;
}) => DamsmEvaluator | undefined;

/**
 * The evaluator of the run folder `run`; undefined if `config.evaluate` requests none. `damsmFile` has the weights of
 * `damsm`. `share` is this process's share of the work; by default it has all.
 */
export type MakeEvaluator = (
  run: string,
  options: {
    config: Config;
    data: Prepared;
    damsm: Damsm;
    damsmFile: string;
    compute: Compute;
    share?: WorkShare | undefined;
  },
) => Evaluator | undefined;
