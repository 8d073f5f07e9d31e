/** What a training is given and returns. */
import type { Config } from "@sdgan/core";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import type { Processes } from "../distributed/processes.js";
import type { MakeDamsmEvaluator, MakeEvaluator } from "./evaluator.js";

export type Training = "damsm" | "attribute-classifier" | "gan";

export interface TrainOptions {
  /** A prepared folder. */
  data: string;
  /** The run folder of the GAN; DAMSM's is `damsm/` in it, the attribute classifier's `attribute-classifier/`. */
  run: string;
  /** The configuration of a new run; or "resume", to continue the existing run with its own configuration. */
  config: Config | "resume";
  /** Stop after this step, counted from the start of the run, instead of the configuration's last step. */
  steps?: number | undefined;
  /** Stop after this many seconds of training, if that is earlier. */
  seconds?: number | undefined;
  /** For the GAN: another run folder; its DAMSM is copied into this one. */
  damsm?: string | undefined;
  /** For DAMSM with the encoder `inception`: a file with torchvision's weights. Checkpoints contain them. */
  inception?: string | undefined;
  /** For the GAN: creates the evaluator used during training. Required unless `evaluate.every` is 0. */
  makeEvaluator?: MakeEvaluator | undefined;
  /** For DAMSM: creates the evaluator used during training. Required unless `damsm.evaluateEvery` is 0. */
  makeDamsmEvaluator?: MakeDamsmEvaluator | undefined;
  /** For a new DAMSM or GAN: a run folder; training begins with its weights instead of random ones. */
  from?: string | undefined;
  /** By default the GPU if there is one. */
  device?: Device | undefined;
  /** For the GAN: the processes that train it together, all of which call this; by default this one alone. */
  processes?: Processes | undefined;
  /** Ends training after the current step. */
  signal?: AbortSignal | undefined;
  onBegin?: ((training: TrainingOutline) => void) | undefined;
  onStep?: ((step: number, losses: Record<string, number>) => void) | undefined;
  /** Called on problems that do not stop training, with advice. */
  onWarning?: ((line: string) => void) | undefined;
}

/** Properties of a training that are known when it begins. */
export interface TrainingOutline {
  /** The folder that is written to. */
  folder: string;
  config: Config;
  /** Steps done before. */
  from: number;
  /** The last step. */
  to: number;
  imagesPerStep: number;
  device: Device;
  /** The split whose captions the GAN's samples are of. */
  samples: Split;
}

export interface TrainingResult {
  folder: string;
  /** The last step taken. */
  step: number;
  /** Whether training is complete: it reached its last step or was stopped early by `training.patience`. */
  complete: boolean;
  /** Present if `training.patience` ended training: the best step, 0 for none, and the name of its figure. */
  stoppedEarly?: { step: number; name: string };
  /** A caption of the data, as an example to generate from. */
  caption: string;
}
