/** DAMSM: building, loading and saving its networks. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { noGrad, saveSafetensors } from "@sdgan/torch";
import type { Device } from "../compute/device.js";
import { ConvolutionalImageEncoder, type ImageEncoder } from "../models/image-encoder.js";
import { InceptionImageEncoder } from "../models/inception-image-encoder.js";
import { TextEncoder } from "../models/text-encoder.js";
import { type Dependencies, hashesOf } from "../run/dependencies.js";
import { writeAtomic } from "../util/atomic-file.js";
import { joinStates, readTensors, stateUnder } from "./tensor-file.js";

/** Text encoder and image encoder. */
export interface Damsm {
  text: TextEncoder;
  image: ImageEncoder;
}

export function makeDamsm(config: Config, vocabularySize: number): Damsm {
  const { text, damsm } = config;
  return {
    text: new TextEncoder({ vocabularySize, ...text }),
    image:
      damsm.encoder === "inception"
        ? new InceptionImageEncoder(text.width)
        : new ConvolutionalImageEncoder({ ...damsm, textWidth: text.width }),
  };
}

/** Loads a trained DAMSM, frozen: in evaluation mode and without gradients of its parameters. */
export function loadDamsm(path: string, config: Config, vocabularySize: number): Damsm {
  const { tensors } = readTensors(path, "train DAMSM first: sdgan train damsm");
  const damsm = makeDamsm(config, vocabularySize);
  for (const [name, network] of Object.entries(damsm)) {
    network.loadStateDict(stateUnder(tensors, name));
    network.requiresGrad(false).eval();
  }
  return damsm;
}

/** Moves both encoders to a device, in the memory layout that they compute in. */
export function moveDamsm(damsm: Damsm, device: Device): Damsm {
  damsm.text.to({ device });
  damsm.image.to({ device, memoryFormat: "channels_last" });
  return damsm;
}

/** Writes the trained networks into `folder`, DAMSM's run folder, with the hashes of its dependencies. */
export function publishDamsm(folder: string, { text, image }: Damsm, dependsOn: Dependencies = {}): void {
  writeAtomic(join(folder, damsmFile), (path) =>
    noGrad(() =>
      saveSafetensors(
        path,
        joinStates({ text: text.stateDict(), image: image.stateDict() }),
        hashesOf(dependsOn),
      ),
    ),
  );
}

/** The file of the trained networks, in DAMSM's run folder. */
export const damsmFile = "damsm.safetensors";

/** The folder of the DAMSM in the run folder `run`: a run folder itself. */
export function damsmFolder(run: string): string {
  return join(run, "damsm");
}

/**
 * Refuses a file in place of a run folder with a DAMSM, for example one encoder's weights, or Inception's.
 * @throws UserError
 */
export function requireRunFolder(run: string): void {
  if (!statSync(run, { throwIfNoEntry: false })?.isFile()) return;
  throw new UserError(
    `${run}: is a file; expected a run folder with a trained DAMSM in it: give that folder. A run folder of AttnGAN's ` +
      "text_encoder and image_encoder files is made by sdgan import attngan; Inception's weights alone are no DAMSM",
    { code: "usage" },
  );
}

/**
 * The path of a run folder's trained DAMSM.
 * @throws UserError if there is none
 */
export function damsmPath(run: string): string {
  requireRunFolder(run);
  const file = join(damsmFolder(run), damsmFile);
  if (existsSync(file)) return file;
  throw new UserError(
    `${file}: there is no trained DAMSM: expected a run folder in which one was trained. This trains one, with --set seed=1 ` +
      `for a DAMSM to measure a GAN with: sdgan train damsm --config … --data … --run ${run}`,
    { code: "file.missing" },
  );
}
