/** From captions to pictures with a trained model: all that is needed lies in its run folder. */
import { basename, join, resolve } from "node:path";
import {
  cat,
  inferenceMode,
  Generator as RandomStream,
  randn,
  scope,
  type Tensor,
  tensor,
} from "@sdgan/torch";
import { type Compute, startComputing } from "../compute.js";
import { type Config, imageSizes } from "../config.js";
import type { Device } from "../device.js";
import type { Generated, Generator } from "../models/generator.js";
import { TextEncoder } from "../models/text-encoder.js";
import { Random } from "../random.js";
import { holdRandomStreams } from "../random-streams.js";
import { openRun } from "../run/run-folder.js";
import { type EncodedCaption, encodeCaption } from "../text/caption.js";
import { Vocabulary } from "../text/vocabulary.js";
import { readTensors, refusing, stateUnder } from "../training/checkpoint.js";
import { makeGenerator, modelFile } from "../training/gan-trainee.js";
import { pixelsOf } from "../training/tensors.js";
import { type Examination, examine } from "./examination.js";

export interface DrawOptions {
  /** Other pictures for another seed. */
  seed?: number;
  /** Pictures of each caption. */
  count?: number;
  /**
   * Pictures drawn at once: faster for many, and they may differ by a shade from those drawn one by one, since sums
   * are taken in another order.
   */
  batch?: number;
}

/** A picture that was drawn. */
export interface Painting {
  caption: string;
  seed: number;
  /** Which of the caption's pictures it is: 1, 2, … */
  number: number;
  /** The picture of every stage, small to large: the last one is the result. */
  stages: StagePicture[];
}

export interface StagePicture {
  /** [size, size, 3] bytes of sRGB. */
  pixels: Uint8Array;
  size: number;
}

/** A picture, with what its generator looked at. */
export interface ExaminedPainting extends Painting, Examination {
  /** The words that the model read: the attention's. */
  words: string[];
}

/** A picture to be drawn. */
interface Order extends Omit<Painting, "stages"> {
  tokens: number[];
}

/** A generator and its text encoder, loaded once. */
export class Painter {
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
   * @param device by default a GPU where there is one; pictures differ by a shade from device to device
   * @throws UserError if one of them is missing, broken, or does not fit the others, or the device is not there
   */
  constructor(
    run: string,
    { precision, device }: { precision?: Config["training"]["precision"]; device?: Device | undefined } = {},
  ) {
    const { config, vocabulary } = openRun(run);
    this.#config = config;
    this.vocabulary = Vocabulary.load(vocabulary);
    this.#compute = startComputing(precision ?? config.training.precision, device);
    using _ = holdRandomStreams(); // New networks have random weights, until theirs are read.
    this.#text = new TextEncoder({ vocabularySize: this.vocabulary.size, ...config.text });
    this.#generator = makeGenerator(config);
    const step = this.#load(
      join(run, modelFile),
      `train the GAN: npx sdgan train gan --config … --data … --run ${run}`,
    );
    this.checkpoint = { run: basename(resolve(run)), step };
  }

  get device(): Device {
    return this.#compute.device;
  }

  /** Pixels a side of each stage's picture, first to last. */
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
   * Draws `count` pictures of every caption, caption after caption, the next `batch` of them whenever one is asked for
   * that is not drawn yet.
   *
   * A picture's noise comes from the seed and its number alone. Drawn one by one, as by default, it depends on them and
   * its caption and on nothing else.
   *
   * @throws UserError, before anything is drawn, for a caption that `read` refuses
   */
  draw(
    captions: readonly string[],
    { seed = 0, count = 1, batch = 1 }: DrawOptions = {},
  ): IterableIterator<Painting> {
    const orders = captions.flatMap((caption) => {
      const { tokens } = this.read(caption);
      return Array.from({ length: count }, (_, i): Order => ({ caption, tokens, seed, number: i + 1 }));
    });
    return this.#drawEach(orders, batch);
  }

  *#drawEach(orders: readonly Order[], batch: number): IterableIterator<Painting> {
    for (let first = 0; first < orders.length; first += batch) {
      const some = orders.slice(first, first + batch);
      const stages = this.#paint(some);
      for (const [i, { caption, seed, number }] of some.entries())
        yield { caption, seed, number, stages: stages.map((stage) => pictureOf(stage, i)) };
    }
  }

  /**
   * Draws one picture of a caption, as `draw` does, and tells what the generator looked at.
   * @throws UserError for a caption that `read` refuses
   */
  examine(caption: string, { seed = 0 }: Pick<DrawOptions, "seed"> = {}): ExaminedPainting {
    const { tokens } = this.read(caption);
    const order = { caption, tokens, seed, number: 1 };
    return inferenceMode(() =>
      scope(() => {
        const { generated, ...examination } = examine(this.#generator, () => this.#generate([order]));
        const stages = generated.images.map(stageOf);
        const words = tokens.map((token) => this.vocabulary.words[token]!);
        return { ...examination, caption, seed, number: 1, stages, words };
      }),
    );
  }

  /** Each stage's pictures of all orders: [B, size, size, 3]. */
  #paint(orders: readonly Order[]): StagePicture[] {
    return inferenceMode(() => scope(() => this.#generate(orders).images.map(stageOf)));
  }

  #generate(orders: readonly Order[]): Generated {
    const { noise, condition } = this.#config.generator;
    const { device, dtype } = this.#compute;
    const lengths = orders.map(({ tokens }) => tokens.length);
    const places = Math.max(...lengths);
    const padded = orders.map(({ tokens }) => [...tokens, ...new Array(places - tokens.length).fill(0)]);
    const text = this.#text.forward(tensor(padded, { dtype: "int64", device }), lengths);
    const draws = orders.map(({ seed, number }) => {
      const generator = RandomStream.seeded(new Random(seed, "noise", number).uint32());
      return [randn([1, noise], { generator }), randn([1, condition], { generator })] as const;
    });
    const z = cat(draws.map(([z]) => z)).to({ device, dtype });
    const epsilon = cat(draws.map(([, epsilon]) => epsilon)).to({ device });
    return this.#generator.forward(z, text, epsilon);
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

/** All pictures of a stage, [B, size, size, 3]. */
function stageOf(image: Tensor): StagePicture {
  return { pixels: pixelsOf(image), size: image.size(2) };
}

/** Picture `i` of several. */
function pictureOf({ pixels, size }: StagePicture, i: number): StagePicture {
  const bytes = size * size * 3;
  return { pixels: pixels.subarray(i * bytes, (i + 1) * bytes), size };
}
