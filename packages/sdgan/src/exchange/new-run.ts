/** Creates a run folder from weights that were trained elsewhere, as if they had been trained here. */
import { type Config, imageSizes, type Vocabulary } from "@sdgan/core";
import { manualSeed, noGrad, scope } from "@sdgan/torch";
import { saveCheckpoint } from "../artifacts/checkpoints.js";
import { damsmFolder, makeDamsm, publishDamsm } from "../artifacts/damsm.js";
import { damsmDependency } from "../artifacts/damsm-of-run.js";
import { publishModel } from "../artifacts/model.js";
import { refusing } from "../artifacts/tensor-file.js";
import {
  attnganImageEncoderName,
  loadAttnganState,
  publishedDiscriminatorName,
  publishedGeneratorName,
} from "../models/attngan-names.js";
import { TextEncoder } from "../models/text-encoder.js";
import { startRun } from "../run/run-folder.js";
import { stateOf } from "../training/gan-state.js";
import { makeGanTrainer } from "../training/make-gan-trainer.js";
import type { NetworkFile } from "./network-file.js";
import { makeFolder } from "./new-folder.js";

/** The networks' files. Tensors have AttnGAN's names if AttnGAN has them, otherwise this project's. */
export interface NetworkFiles {
  generator: NetworkFile;
  text: NetworkFile;
  /** DAMSM's image encoder, which is needed to train further. */
  image?: NetworkFile | undefined;
  /** One per stage. Without them, further training begins with newly initialized ones. */
  discriminators?: NetworkFile[] | undefined;
}

/**
 * Creates the run folder `path`, for `generate`, `evaluate` and `train gan --resume`. Training resumes at
 * step 0 with new optimizer states. The average of the generator's weights begins with the imported weights.
 *
 * @throws UserError if a file does not match the configuration, or `path` exists and is not empty; nothing is
 *   written then
 */
export function makeRun(path: string, config: Config, vocabulary: Vocabulary, files: NetworkFiles): void {
  makeFolder(path, (partial) =>
    scope(() =>
      noGrad(() => {
        manualSeed(config.seed);
        // Only its shapes are needed here.
        const encoder =
          config.discriminator.features === "damsm" ? makeDamsm(config, vocabulary.size).image : undefined;
        const trainer = makeGanTrainer(config, encoder && { encoder });
        const { generator, average, discriminators } = trainer.options;
        const text = new TextEncoder({ vocabularySize: vocabulary.size, ...config.text });
        load(generator, files.generator, publishedGeneratorName);
        average.loadStateDict(generator.stateDict());
        load(text, files.text);
        const sizes = imageSizes(config.generator);
        for (const [i, file] of (files.discriminators ?? []).entries())
          load(discriminators[i]!, file, (name) => publishedDiscriminatorName(name, sizes[i]!));
        // Before the initialization of DAMSM's networks uses random numbers.
        const tensors = stateOf(trainer, "cpu");
        if (files.image) makeDamsmRun(damsmFolder(partial), config, vocabulary, files.text, files.image);
        // The data are recorded when training resumes.
        const damsm = files.image && damsmDependency(partial);
        using run = startRun(partial, config, vocabulary.format(), damsm && { damsm });
        publishModel(partial, { generator: average, text }, { step: 0, dependsOn: run.dependsOn });
        saveCheckpoint(
          run.checkpoints,
          0,
          { tensors, values: { steps: 0 } },
          { keep: config.log.keep, dependsOn: run.dependsOn },
        );
      }),
    ),
  );
}

function makeDamsmRun(
  path: string,
  config: Config,
  vocabulary: Vocabulary,
  text: NetworkFile,
  image: NetworkFile,
): void {
  const damsm = makeDamsm(config, vocabulary.size);
  load(damsm.text, text);
  load(damsm.image, image, imageEncoderNames(config));
  using _ = startRun(path, config, vocabulary.format());
  publishDamsm(path, damsm);
}

/** Names of the image encoder's tensors in AttnGAN, which has only the one with Inception. */
export function imageEncoderNames({ damsm }: Config): (name: string) => string {
  return damsm.encoder === "inception" ? attnganImageEncoderName : (name) => name;
}

function load(
  network: Parameters<typeof loadAttnganState>[0],
  { path, state }: NetworkFile,
  nameOf = (name: string) => name,
): void {
  refusing(path, "give the configuration and the files of the same model", () =>
    loadAttnganState(network, state, nameOf),
  );
}
