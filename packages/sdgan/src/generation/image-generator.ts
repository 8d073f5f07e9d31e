/** From captions to images with a trained model: all that is needed lies in its run folder. */

import { basename, resolve } from "node:path";
import { type Config, type EncodedCaption, encodeCaption, imageSizes, type Vocabulary } from "@sdgan/core";
import { inferenceMode, scope } from "@sdgan/torch";
import { type GenerationNetworks, loadModel } from "../artifacts/model.js";
import { startComputing } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { pixelsOf } from "../compute/images.js";
import { openRun } from "../run/run-folder.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type GenerationRequest, generateImages } from "./generate.js";

export interface GenerateOptions {
  /** Other images for another seed. */
  seed?: number;
  /** Images of each caption. */
  count?: number;
  /**
   * Images drawn at once: faster for many, and they may differ by a shade from those drawn one by one, since sums
   * are taken in another order.
   */
  batch?: number;
}

/** An image that was drawn. */
export interface GeneratedImage {
  caption: string;
  seed: number;
  /** Which of the caption's images it is: 1, 2, … */
  number: number;
  /** The image of every stage, small to large: the last one is the result. */
  stages: StageImage[];
}

export interface StageImage {
  /** [size, size, 3] bytes of sRGB. */
  pixels: Uint8Array;
  size: number;
}

/** An image to be generated, with the caption that its tokens are of. */
interface CaptionRequest extends GenerationRequest {
  caption: string;
}

/** A generator and its text encoder, loaded once. */
export class ImageGenerator {
  /** The run's name, the training step and the file that its generator is of, and the hashes of what it depends on. */
  readonly checkpoint: { run: string; step: number; file: string; hashes: Record<string, string> };
  readonly vocabulary: Vocabulary;
  /** The networks that generate. */
  readonly networks: GenerationNetworks;
  readonly #config: Config;

  /**
   * @param run a run folder in which a GAN was trained; its configuration, vocabulary and model are only read
   * @param precision of the networks; by default as in training
   * @param device by default a GPU where there is one; images are equal up to rounding on every device
   * @param checkpoint the step of a checkpoint that was kept; by default the newest model
   * @throws UserError if one of them is missing, broken, or does not fit the others, or the device is not there
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

  /** Pixels a side of each stage's image, first to last. */
  get sizes(): number[] {
    return imageSizes(this.#config.generator);
  }

  /**
   * What the model reads of a caption.
   * @throws UserError if it has no word that the model knows
   */
  read(caption: string): EncodedCaption {
    return encodeCaption(this.vocabulary, caption, this.#config.data.maxWords);
  }

  /**
   * Generates `count` images of every caption, caption after caption, the next `batch` of them whenever one is asked for
   * that is not drawn yet.
   *
   * An image's noise comes from the seed and its number alone. Drawn one by one, as by default, it depends on them and
   * its caption and on nothing else.
   *
   * @throws UserError, before anything is drawn, for a caption that `read` refuses
   */
  generate(
    captions: readonly string[],
    { seed = 0, count = 1, batch = 1 }: GenerateOptions = {},
  ): IterableIterator<GeneratedImage> {
    const requests = captions.flatMap((caption) => {
      const { tokens } = this.read(caption);
      return Array.from(
        { length: count },
        (_, i): CaptionRequest => ({ caption, tokens, seed, number: i + 1 }),
      );
    });
    return this.#generateEach(requests, batch);
  }

  *#generateEach(requests: readonly CaptionRequest[], batch: number): IterableIterator<GeneratedImage> {
    for (let first = 0; first < requests.length; first += batch) {
      const some = requests.slice(first, first + batch);
      const stages = this.#generate(some);
      for (const [i, { caption, seed, number }] of some.entries())
        yield { caption, seed, number, stages: stages.map((stage) => imageOf(stage, i)) };
    }
  }

  /** Each stage's images of all requests: [B, size, size, 3]. */
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

/** Image `i` of several. */
function imageOf({ pixels, size }: StageImage, i: number): StageImage {
  const bytes = size * size * 3;
  return { pixels: pixels.subarray(i * bytes, (i + 1) * bytes), size };
}
