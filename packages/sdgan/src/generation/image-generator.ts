/** Generates images from captions with the trained model of a run folder. */

import { basename, resolve } from "node:path";
import {
  type Config,
  type EncodedCaption,
  encodeCaption,
  type Ignored,
  imageSizes,
  type TokenizerName,
  type Vocabulary,
} from "@sdgan/core";
import { inferenceMode, scope } from "@sdgan/torch";
import { type GenerationNetworks, loadModel, type ModelHashes } from "../artifacts/model.js";
import { startComputing } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { pixelsOf } from "../compute/images.js";
import { openRun } from "../run/run-folder.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type GenerationRequest, generateImages } from "./generate.js";
import type { GeneratedImage, GenerateOptions, ImageSource, StageImage } from "./image-source.js";

/** An image to be generated, with its caption as text. */
interface CaptionRequest extends GenerationRequest {
  caption: string;
  ignored: Ignored;
}

/** A generator and its text encoder, loaded once. */
export class ImageGenerator implements ImageSource {
  /** The run's name, the generator's training step and file, and the hashes of the run's dependencies. */
  readonly checkpoint: { run: string; step: number; file: string; hashes: ModelHashes };
  readonly vocabulary: Vocabulary;
  /** The networks that generate. */
  readonly networks: GenerationNetworks;
  readonly #config: Config;

  /**
   * @param run a run folder in which a GAN was trained; nothing in it is changed
   * @param precision of the networks; by default as in training
   * @param device by default a GPU where there is one; images are equal up to rounding on every device
   * @param checkpoint the step of a kept checkpoint; by default the newest model
   * @throws UserError if configuration, vocabulary or model is missing, broken or does not match the others,
   *   or if the device is not available
   */
  constructor(
    run: string,
    {
      precision,
      device,
      checkpoint,
    }: {
      precision?: Config["training"]["precision"];
      device?: Device | undefined;
      checkpoint?: number | undefined;
    } = {},
  ) {
    const folder = openRun(run);
    const { config } = folder;
    this.#config = config;
    this.vocabulary = loadVocabulary(folder.vocabulary);
    const compute = startComputing(precision ?? config.training.precision, device);
    const model = loadModel(folder, { vocabularySize: this.vocabulary.size, compute, checkpoint });
    this.networks = model;
    const { step, file, hashes } = model;
    this.checkpoint = { run: basename(resolve(run)), step, file, hashes };
  }

  get device(): Device {
    return this.networks.compute.device;
  }

  /** Side of each stage's image in pixels, first to last stage. */
  get sizes(): number[] {
    return imageSizes(this.#config.generator);
  }

  get tokenizer(): TokenizerName {
    return this.vocabulary.tokenizer;
  }

  /** Run and step of the model. */
  get origin(): Record<string, string> {
    const { run, step } = this.checkpoint;
    return { Checkpoint: `${run}, step ${step}` };
  }

  /** Words per caption that the model reads; the others are ignored. */
  get maxWords(): number {
    return this.#config.data.maxWords;
  }

  /**
   * Tokens of a caption, and the words that do not affect the image: unknown ones, those after the first `maxWords`
   * known ones, and those that the tokenizer drops.
   * @throws UserError if the vocabulary has none of its words
   */
  read(caption: string): EncodedCaption {
    return encodeCaption(this.vocabulary, caption, this.maxWords);
  }

  /**
   * Generates `count` images per caption, caption by caption. The iterator generates the next `batch` images
   * when the previous ones have been consumed.
   *
   * An image's noise depends only on the seed and its number. With a batch of 1, the default, the image
   * depends only on the seed, its number and its caption.
   *
   * @throws UserError for a caption that `read` refuses, before any image is generated
   */
  generate(
    captions: readonly string[],
    { seed = 0, count = 1, batch = 1 }: GenerateOptions = {},
  ): IterableIterator<GeneratedImage> {
    const requests = captions.flatMap((caption) => {
      const { tokens, ...ignored } = this.read(caption);
      return Array.from(
        { length: count },
        (_, i): CaptionRequest => ({ caption, ignored, tokens, seed, number: i + 1 }),
      );
    });
    return this.#generateEach(requests, batch);
  }

  *#generateEach(requests: readonly CaptionRequest[], batch: number): IterableIterator<GeneratedImage> {
    for (let first = 0; first < requests.length; first += batch) {
      const some = requests.slice(first, first + batch);
      const stages = this.#generate(some);
      for (const [i, { caption, ignored, seed, number }] of some.entries())
        yield { caption, seed, number, ignored, stages: stages.map((stage) => imageOf(stage, i)) };
    }
  }

  /** The images of all requests, per stage: [B, size, size, 3]. */
  #generate(requests: readonly GenerationRequest[]): StageImage[] {
    return inferenceMode(() =>
      scope(() =>
        generateImages(this.networks, requests).map((image) => ({
          pixels: pixelsOf(image),
          size: image.size(2),
        })),
      ),
    );
  }
}

/** Image `i` of a batch. */
function imageOf({ pixels, size }: StageImage, i: number): StageImage {
  const bytes = size * size * 3;
  return { pixels: pixels.subarray(i * bytes, (i + 1) * bytes), size };
}
