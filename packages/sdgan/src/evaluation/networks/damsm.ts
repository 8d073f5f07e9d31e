import { type Config, encodeCaption, UserError, type Vocabulary } from "@sdgan/core";
import type { Tensor } from "@sdgan/torch";
import { type Damsm, damsmFolder, damsmPath, loadDamsm, moveDamsm } from "../../artifacts/damsm.js";
import { requireIndependent } from "../../artifacts/damsm-of-run.js";
import { refusing } from "../../artifacts/tensor-file.js";
import type { Device } from "../../compute/device.js";
import { describeFit, fit, fits } from "../../compute/images.js";
import { holdRandomStreams } from "../../compute/random-streams.js";
import { tokenTensor } from "../../compute/tokens.js";
import { openRun } from "../../run/run-folder.js";
import { sha256Of } from "../../util/sha256.js";
import { loadVocabulary } from "../../util/vocabulary-file.js";
import type { Network } from "../result.js";
import type { FeatureExtractor } from "./feature-extractor.js";

/**
 * A feature extractor for images and captions: features of an image and of its caption are in one common
 * space.
 */
export interface DamsmExtractor extends FeatureExtractor {
  /** Where it computes. */
  device: Device;
  /** Sentence features [B, D] of captions. */
  read(captions: readonly string[]): Tensor;
}

/** The part of it that computes features. */
export type DamsmFeatures = Pick<DamsmExtractor, "device" | "extract" | "read">;

/**
 * The DAMSM of another run folder. It must not be the one that the generator in the file `model` was trained
 * with, because the generator is trained to score well by that one.
 * @throws UserError if it is, or if the run has no DAMSM
 */
export function independentDamsm(
  run: string,
  { model, ...options }: { model: string; size: number; device: Device },
): DamsmExtractor {
  requireIndependent(damsmPath(run), model, "--damsm");
  return damsmOfRun(run, options);
}

/**
 * The DAMSM of a run folder.
 * @throws UserError if the run has no DAMSM
 */
export function damsmOfRun(run: string, options: { size: number; device: Device }): DamsmExtractor {
  const file = damsmPath(run);
  const { config, vocabulary: words } = openRun(damsmFolder(run));
  const vocabulary = loadVocabulary(words);
  using _ = holdRandomStreams();
  const damsm = refusing(file, "train it again", () => loadDamsm(file, config, vocabulary.size));
  return damsmExtractor(damsm, { file, config, vocabulary, seed: config.seed, ...options });
}

/** @param config configuration that the DAMSM was trained with */
export function damsmExtractor(
  damsm: Damsm,
  {
    file,
    config,
    vocabulary,
    seed,
    size,
    device,
  }: { file: string; config: Config; vocabulary: Vocabulary; seed: number; size: number; device: Device },
): DamsmExtractor {
  const { encoder, imageSize } = config.damsm;
  const convolutional = encoder === "convolutional";
  if (convolutional && !fits(size, imageSize))
    throw new UserError(
      `${file}: takes images of ${imageSize} pixels (damsm.imageSize), and images of ${size} pixels cannot be averaged to that: ` +
        "train a DAMSM of another size",
      { code: "data.mismatch" },
    );
  const about: Network = {
    name: `DAMSM of seed ${seed}, ${convolutional ? "convolutional" : "on Inception-v3 (torchvision)"}`,
    ...{ file, sha256: sha256Of(file) },
    features: "the image's code",
    width: config.text.width,
    resize: convolutional
      ? describeFit(size, imageSize)
      : "stretched to 299 pixels as PyTorch does, bilinear",
  };
  return { about, hasClasses: false, ...damsmFeatures(damsm, { config, vocabulary, device }) };
}

/** Features of images, whose size `damsm.imageSize` divides, and of captions. */
export function damsmFeatures(
  damsm: Damsm,
  { config, vocabulary, device }: { config: Config; vocabulary: Vocabulary; device: Device },
): DamsmFeatures {
  moveDamsm(damsm, device);
  const { encoder, imageSize } = config.damsm;
  return {
    device,
    extract: (images) => ({
      features: damsm.image.forward(encoder === "convolutional" ? fit(images, imageSize) : images).code,
      classes: [],
    }),
    read(captions) {
      const encoded = captions.map((text) => encodeCaption(vocabulary, text, config.data.maxWords).tokens);
      const { tokens, lengths } = tokenTensor(encoded, device);
      return damsm.text.forward(tokens, lengths).sentence;
    },
  };
}
