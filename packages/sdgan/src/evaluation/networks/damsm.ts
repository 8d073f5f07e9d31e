import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, encodeCaption, UserError, type Vocabulary } from "@sdgan/core";
import { scope, type Tensor, tensor } from "@sdgan/torch";
import { loadVocabulary } from "../../data/vocabulary-file.js";
import type { Device } from "../../device.js";
import { holdRandomStreams } from "../../random-streams.js";
import { openRun } from "../../run/run-folder.js";
import { readTensors, refusing, stateUnder } from "../../training/checkpoint.js";
import { damsmFolder } from "../../training/damsm-of-run.js";
import { type Damsm, damsmFile, loadDamsm, moveDamsm } from "../../training/damsm-task.js";
import { sha256Of } from "../../weights/inception-file.js";
import { describeFit, fit, fits } from "../fit.js";
import type { Network } from "../result.js";
import type { FeatureExtractor } from "./feature-extractor.js";

/** a feature extractor that understands captions too: the features of an image and of its caption have one space. */
export interface DamsmExtractor extends FeatureExtractor {
  /** Sentence features [B, D] of captions. */
  read(captions: readonly string[]): Tensor;
}

/**
 * The DAMSM of another run folder. It must not be the one that `model`, the generator's file, was trained with: that
 * one has had its say already.
 * @throws UserError if it is, or there is none
 */
export function independentDamsm(
  run: string,
  { model, ...options }: { model: string; size: number; device: Device },
): DamsmExtractor {
  requireIndependent(damsmPath(run), model, "--damsm");
  return damsmOfRun(run, options);
}

/**
 * Refuses a DAMSM that taught the generator which it is to judge.
 *
 * @param file the DAMSM's @param taught the generator's file, or that of the DAMSM it is taught by
 * @param option by which the user gave it
 * @throws UserError
 */
export function requireIndependent(file: string, taught: string, option: string): void {
  if (textOf(file) !== textOf(taught)) return;
  throw new UserError(
    `${file}: is the DAMSM that ${taught} was trained with (the same weights of the text encoder), so it would ` +
      "praise what it taught: train another from another seed: sdgan train damsm --config … --set seed=1 --data … " +
      `--run OTHER, and give ${option} OTHER`,
    { code: "checkpoint.mismatch" },
  );
}

/**
 * The DAMSM of a run folder.
 * @throws UserError if there is none
 */
export function damsmOfRun(run: string, options: { size: number; device: Device }): DamsmExtractor {
  const file = damsmPath(run);
  const { config, vocabulary: words } = openRun(damsmFolder(run));
  const vocabulary = loadVocabulary(words);
  using _ = holdRandomStreams();
  const damsm = refusing(file, "train it again", () => loadDamsm(file, config, vocabulary.size));
  return damsmExtractor(damsm, { file, config, vocabulary, seed: config.seed, ...options });
}

/**
 * The file of a run folder's trained DAMSM.
 * @throws UserError if there is none
 */
export function damsmPath(run: string): string {
  const file = join(damsmFolder(run), damsmFile);
  if (existsSync(file)) return file;
  throw new UserError(
    `${file}: there is no trained DAMSM: train one from another seed: ` +
      `sdgan train damsm --config … --set seed=1 --data … --run ${run}`,
    { code: "file.missing" },
  );
}

/** @param config that it was trained by */
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
  moveDamsm(damsm, device);
  const { encoder, imageSize } = config.damsm;
  const convolutional = encoder === "convolutional";
  if (convolutional && !fits(size, imageSize))
    throw new UserError(
      `${file}: looks at ${imageSize} pixels a side (damsm.imageSize), to which images of ${size} cannot be averaged: ` +
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
  return {
    about,
    seesClasses: false,
    extract: (images) => ({
      features: damsm.image.forward(convolutional ? fit(images, imageSize) : images).code,
      classes: [],
    }),
    read(captions) {
      const tokens = captions.map((text) => encodeCaption(vocabulary, text, config.data.maxWords).tokens);
      const lengths = tokens.map(({ length }) => length);
      const places = Math.max(...lengths);
      const padded = tokens.map((own) => [...own, ...new Array(places - own.length).fill(0)]);
      return damsm.text.forward(tensor(padded, { dtype: "int64", device }), lengths).sentence;
    },
  };
}

/** SHA-256 of the text encoder's weights in a file: which DAMSM it is of. */
function textOf(file: string): string {
  return scope(() => {
    const { tensors } = readTensors(file, "train it again");
    const hash = createHash("sha256");
    for (const [name, weights] of [...stateUnder(tensors, "text")].sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(name).update(weights.toBytes());
    return hash.digest("hex");
  });
}
