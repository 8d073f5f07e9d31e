/** From captions to pictures with a trained model: all that is needed lies in its run folder. */
import { basename, join, resolve } from "node:path";
import { inferenceMode, Generator as RandomStream, randn, scope, tensor } from "@sdgan/torch";
import { type Compute, startComputing } from "../compute.js";
import { type Config, imageSizes } from "../config.js";
import type { Device } from "../device.js";
import type { Generator } from "../models/generator.js";
import { TextEncoder } from "../models/text-encoder.js";
import { Random } from "../random.js";
import { holdRandomStreams } from "../random-streams.js";
import { openRun } from "../run/run-folder.js";
import { type EncodedCaption, encodeCaption } from "../text/caption.js";
import { Vocabulary } from "../text/vocabulary.js";
import { readTensors, refusing, stateUnder } from "../training/checkpoint.js";
import { makeGenerator, modelFile } from "../training/gan-trainee.js";
import { pixelsOf } from "../training/tensors.js";

export interface DrawOptions {
  /** Other pictures for another seed. */
  seed?: number;
  /** Pictures of each caption. */
  count?: number;
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
   * Draws `count` pictures of every caption, caption after caption, one picture whenever the next one is asked for.
   *
   * A picture depends on its caption, the seed and its number alone: its noise comes from those two, and each is
   * drawn as a batch of its own. In larger batches libtorch sums in another order, so that pixels differ by a shade,
   * and on a CPU they take as long.
   *
   * @throws UserError, before anything is drawn, for a caption that `read` refuses
   */
  draw(captions: readonly string[], { seed = 0, count = 1 }: DrawOptions = {}): IterableIterator<Painting> {
    const encoded = captions.map((caption) => ({ caption, tokens: this.read(caption).tokens }));
    return this.#drawEach(encoded, seed, count);
  }

  *#drawEach(
    captions: readonly { caption: string; tokens: number[] }[],
    seed: number,
    count: number,
  ): IterableIterator<Painting> {
    for (const { caption, tokens } of captions) {
      for (let number = 1; number <= count; number++)
        yield { caption, seed, number, stages: this.#paint(tokens, seed, number) };
    }
  }

  #paint(tokens: number[], seed: number, number: number): StagePicture[] {
    const { noise, condition } = this.#config.generator;
    const { device, dtype } = this.#compute;
    return inferenceMode(() =>
      scope(() => {
        const text = this.#text.forward(tensor([tokens], { dtype: "int64", device }), [tokens.length]);
        const generator = RandomStream.seeded(new Random(seed, "noise", number).uint32());
        const z = randn([1, noise], { generator });
        const epsilon = randn([1, condition], { generator });
        const { images } = this.#generator.forward(z.to({ device, dtype }), text, epsilon.to({ device }));
        return images.map((image) => ({ pixels: pixelsOf(image), size: image.size(2) }));
      }),
    );
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
