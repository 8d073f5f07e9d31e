/** From captions to images with a trained model: all that is needed lies in its run folder. */

import { basename, join, resolve } from "node:path";
import { type Config, type EncodedCaption, encodeCaption, imageSizes, type Vocabulary } from "@sdgan/core";
import { inferenceMode, scope } from "@sdgan/torch";
import { checkpointPath } from "../artifacts/checkpoints.js";
import { makeGenerator, modelFile } from "../artifacts/model.js";
import { readTensors, refusing, stateUnder } from "../artifacts/tensor-file.js";
import { type Compute, startComputing } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { pixelsOf } from "../compute/images.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import { bestStep } from "../evaluation/best-checkpoint.js";
import type { Generator } from "../models/generator.js";
import { TextEncoder } from "../models/text-encoder.js";
import { openRun } from "../run/run-folder.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type GenerationNetworks, generateImages } from "./generate.js";

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

/** An image to be drawn. */
interface GenerationRequest extends Omit<GeneratedImage, "stages"> {
  tokens: number[];
}

/** A generator and its text encoder, loaded once. */
export class ImageGenerator {
  /** The run's name, and the training step that its model is of. */
  readonly checkpoint: { run: string; step: number };
  readonly vocabulary: Vocabulary;
  readonly #config: Config;
  readonly #text: TextEncoder;
  readonly #generator: Generator;
  readonly #compute: Compute;

  /**
   * @param run a run folder in which a GAN was trained; its configuration, vocabulary and model are read, no more
   * @param precision of the networks; by default as in training
   * @param device by default a GPU where there is one; images differ by a shade from device to device
   * @param checkpoint which of the checkpoints that were kept: a step, or "best"; by default the newest model
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
      checkpoint?: number | "best" | undefined;
    } = {},
  ) {
    const folder = openRun(run);
    const { config, vocabulary } = folder;
    this.#config = config;
    this.vocabulary = loadVocabulary(vocabulary);
    this.#compute = startComputing(precision ?? config.training.precision, device);
    using _ = holdRandomStreams(); // New networks have random weights, until theirs are read.
    this.#text = new TextEncoder({ vocabularySize: this.vocabulary.size, ...config.text });
    this.#generator = makeGenerator(config);
    const newest = this.#load(
      join(run, modelFile),
      `train the GAN: npx sdgan train gan --config … --data … --run ${run}`,
    );
    const step = checkpoint === "best" ? bestStep(folder) : (checkpoint ?? newest);
    if (step !== newest) this.#loadGenerator(checkpointPath(folder.checkpoints, step));
    this.checkpoint = { run: basename(resolve(run)), step };
  }

  get device(): Device {
    return this.#compute.device;
  }

  /** The networks that draw. */
  get networks(): GenerationNetworks {
    return { generator: this.#generator, text: this.#text, compute: this.#compute };
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
   * Draws `count` images of every caption, caption after caption, the next `batch` of them whenever one is asked for
   * that is not drawn yet.
   *
   * An image's noise comes from the seed and its number alone. Drawn one by one, as by default, it depends on them and
   * its caption and on nothing else.
   *
   * @throws UserError, before anything is drawn, for a caption that `read` refuses
   */
  draw(
    captions: readonly string[],
    { seed = 0, count = 1, batch = 1 }: GenerateOptions = {},
  ): IterableIterator<GeneratedImage> {
    const requests = captions.flatMap((caption) => {
      const { tokens } = this.read(caption);
      return Array.from(
        { length: count },
        (_, i): GenerationRequest => ({ caption, tokens, seed, number: i + 1 }),
      );
    });
    return this.#drawEach(requests, batch);
  }

  *#drawEach(requests: readonly GenerationRequest[], batch: number): IterableIterator<GeneratedImage> {
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

  /** Takes the averaged generator of a checkpoint; the text encoder is the same at every step. */
  #loadGenerator(path: string): void {
    const remedy = "take a step whose checkpoint was kept";
    scope(() => {
      const { tensors } = readTensors(path, remedy);
      refusing(path, remedy, () => this.#generator.loadStateDict(stateUnder(tensors, "average")));
    });
  }

  /** Reads both networks from `path`, and the step that they are of. */
  #load(path: string, remedy: string): number {
    return scope(() => {
      const { tensors, metadata } = readTensors(path, remedy);
      refusing(path, remedy, () => {
        this.#generator.loadStateDict(stateUnder(tensors, "generator"));
        this.#text.loadStateDict(stateUnder(tensors, "text"));
      });
      for (const network of [this.#generator, this.#text]) network.requiresGrad(false).eval();
      const { device } = this.#compute;
      this.#text.to({ device });
      this.#generator.to({ device, memoryFormat: "channels_last" });
      return Number(metadata.step);
    });
  }
}

/** Image `i` of several. */
function imageOf({ pixels, size }: StageImage, i: number): StageImage {
  const bytes = size * size * 3;
  return { pixels: pixels.subarray(i * bytes, (i + 1) * bytes), size };
}
