/** The model of a run: the averaged generator and the text encoder that reads for it. */
import { join } from "node:path";
import type { Config } from "@sdgan/core";
import { saveSafetensors } from "@sdgan/torch";
import { Generator } from "../models/generator.js";
import type { TextEncoder } from "../models/text-encoder.js";
import { writeAtomic } from "../util/atomic-file.js";
import { joinStates } from "./tensor-file.js";

/** The averaged generator and the text encoder, in a run folder. */
export const modelFile = "model.safetensors";

export function makeGenerator(config: Config): Generator {
  return new Generator({ ...config.generator, textWidth: config.text.width });
}

/** Writes the model of the run folder `run`, which draws: a generator, and the text encoder that it listens to. */
export function publishModel(run: string, generator: Generator, text: TextEncoder, step: number): void {
  const tensors = joinStates({ generator: generator.stateDict(), text: text.stateDict() });
  writeAtomic(join(run, modelFile), (path) => saveSafetensors(path, tensors, { step: String(step) }));
}
