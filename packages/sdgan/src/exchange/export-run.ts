/** Exports a run's networks as plain `state_dict`s, for PyTorch and other programs. */

import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { imageSizes } from "@sdgan/core";
import { saveSafetensors, scope, type Tensor } from "@sdgan/torch";
import { newestCheckpoint } from "../artifacts/checkpoints.js";
import { damsmFile, damsmFolder } from "../artifacts/damsm.js";
import { modelFile } from "../artifacts/model.js";
import { readTensors, stateUnder } from "../artifacts/tensor-file.js";
import { attnganState, publishedDiscriminatorName, publishedGeneratorName } from "../models/attngan-names.js";
import { openRun } from "../run/run-folder.js";
import { copyLicences } from "../util/licences.js";
import { makeFolder } from "./new-folder.js";
import { imageEncoderNames } from "./new-run.js";

/** File names, the same as AttnGAN's. */
export const weightFiles = {
  generator: "netG",
  text: "text_encoder",
  image: "image_encoder",
  discriminator: (stage: number) => `netD${stage}`,
};

export interface Exported {
  /** Names of the written files. */
  files: string[];
  step: number;
}

/**
 * Writes the networks of `run` into the new folder `out`, one safetensors file per network: the averaged
 * generator, the text encoder, and if the run has them DAMSM's image encoder and the newest discriminators.
 * Also writes configuration and vocabulary, which `importWeights` needs, and the data's licences if the run has them.
 * Tensors have AttnGAN's names and shapes if AttnGAN has them, otherwise this project's.
 *
 * @throws UserError if the run has no model, or `out` exists and is not empty; nothing is written then
 */
export function exportRun(run: string, out: string): Exported {
  return makeFolder(out, (partial) =>
    scope(() => {
      const { config, vocabulary, checkpoints } = openRun(run);
      const model = readTensors(
        join(run, modelFile),
        `train the GAN first: npx sdgan train gan … --run ${run}`,
      );
      const networks = new Map<string, ReadonlyMap<string, Tensor>>([
        [weightFiles.generator, attnganState(stateUnder(model.tensors, "generator"), publishedGeneratorName)],
        [weightFiles.text, stateUnder(model.tensors, "text")],
      ]);
      const damsm = join(damsmFolder(run), damsmFile);
      if (existsSync(damsm)) {
        const { tensors } = readTensors(damsm, "train DAMSM again");
        networks.set(
          weightFiles.image,
          attnganState(stateUnder(tensors, "image"), imageEncoderNames(config)),
        );
      }
      const checkpoint = newestCheckpoint(checkpoints);
      if (checkpoint !== undefined) {
        const { tensors } = readTensors(checkpoint, "remove it");
        for (const [i, size] of imageSizes(config.generator).entries())
          networks.set(
            weightFiles.discriminator(i),
            attnganState(stateUnder(tensors, `discriminator${i}`), (name) =>
              publishedDiscriminatorName(name, size),
            ),
          );
      }
      for (const [name, state] of networks)
        saveSafetensors(join(partial, `${name}.safetensors`), state, { format: "pt" });
      copyFileSync(vocabulary, join(partial, "vocabulary.json"));
      copyFileSync(join(run, "config.yaml"), join(partial, "config.yaml"));
      copyLicences(run, partial);
      return {
        files: [...networks.keys()].map((name) => `${name}.safetensors`),
        step: Number(model.metadata.step),
      };
    }),
  );
}
