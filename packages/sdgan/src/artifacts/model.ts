/** The model of a run: the averaged generator and the text encoder that it was trained with. */
import { join } from "node:path";
import { type Config, stagesAfter } from "@sdgan/core";
import { saveSafetensors, scope } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import { Generator } from "../models/generator.js";
import { TextEncoder } from "../models/text-encoder.js";
import { type Dependencies, hashesOf } from "../run/dependencies.js";
import { writeAtomic } from "../util/atomic-file.js";
import { checkpointPath } from "./checkpoints.js";
import { joinStates, readTensors, refusing, stateUnder } from "./tensor-file.js";

/** The file of the averaged generator and the text encoder, in a run folder. */
export const modelFile = "model.safetensors";

/** The networks that generate images, in evaluation mode and on one device. */
export interface GenerationNetworks {
  generator: Generator;
  text: TextEncoder;
  compute: Compute;
}

/** The hashes of what a model was trained with, as from `hashesOf`, if its file has them. */
export interface ModelHashes {
  data?: string;
  damsm?: string;
}

export function makeGenerator(config: Config): Generator {
  return new Generator({ ...config.generator, textWidth: config.text.width });
}

/**
 * Writes the model of the run folder `run`, with its step, the hashes of its dependencies, and `about`: what else its
 * metadata are to say.
 */
export function publishModel(
  run: string,
  { generator, text }: Pick<GenerationNetworks, "generator" | "text">,
  {
    step,
    dependsOn = {},
    about = {},
  }: { step: number; dependsOn?: Dependencies; about?: Readonly<Record<string, string>> },
): void {
  const tensors = joinStates({ generator: generator.stateDict(), text: text.stateDict() });
  const metadata = { step: String(step), ...hashesOf(dependsOn), ...about };
  writeAtomic(join(run, modelFile), (path) => saveSafetensors(path, tensors, metadata));
}

/**
 * Reads the model of a run folder.
 *
 * @param checkpoint the step of a kept checkpoint; by default the newest model
 * @returns the networks on the device of `compute`, their training step, the generator's file, and the hashes of the
 *   run's dependencies, as from `hashesOf`
 * @throws UserError if a file is missing, broken, or does not fit the configuration
 */
export function loadModel(
  { path, checkpoints, config }: { path: string; checkpoints: string; config: Config },
  {
    vocabularySize,
    compute,
    checkpoint,
  }: { vocabularySize: number; compute: Compute; checkpoint?: number | undefined },
): GenerationNetworks & { step: number; file: string; hashes: ModelHashes } {
  using _ = holdRandomStreams(); // New networks sample random weights before theirs are read.
  const text = new TextEncoder({ vocabularySize, ...config.text });
  const generator = makeGenerator(config);
  const model = join(path, modelFile);
  const {
    step: newest,
    data,
    damsm,
  } = readModel(
    model,
    { generator, text },
    `train the GAN: npx sdgan train gan --config … --data … --run ${path}`,
  );
  const step = checkpoint ?? Number(newest);
  // The text encoder is the same at every step.
  const file = step === Number(newest) ? model : checkpointPath(checkpoints, step);
  if (file !== model) readAverage(file, generator);
  generator.activeStages = stagesAfter(config, step);
  for (const network of [generator, text]) network.requiresGrad(false).eval();
  text.to({ device: compute.device });
  generator.to({ device: compute.device, memoryFormat: "channels_last" });
  const hashes = { ...(data !== undefined && { data }), ...(damsm !== undefined && { damsm }) };
  return { generator, text, compute, step, file, hashes };
}

/** Reads both networks from `path`. Returns the file's metadata. */
function readModel(
  path: string,
  { generator, text }: { generator: Generator; text: TextEncoder },
  remedy: string,
): Record<string, string> {
  return scope(() => {
    const { tensors, metadata } = readTensors(path, remedy);
    refusing(path, remedy, () => {
      generator.loadStateDict(stateUnder(tensors, "generator"));
      text.loadStateDict(stateUnder(tensors, "text"));
    });
    return metadata;
  });
}

/** Reads the averaged generator of a checkpoint. */
function readAverage(path: string, generator: Generator): void {
  const remedy = "give the step of a kept checkpoint";
  scope(() => {
    const { tensors } = readTensors(path, remedy);
    refusing(path, remedy, () => generator.loadStateDict(stateUnder(tensors, "average")));
  });
}
