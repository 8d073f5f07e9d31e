import {
  type EncodedCaption,
  encodeCaption,
  imageNoise,
  type ModelManifest,
  UserError,
  visible,
} from "@sdgan/core";
import { noiseBetween, type TextFeatures, textBetween } from "./between.js";
import { type Caption, encode, generateTogether, type LoadedModel, type TextInputs } from "./compute.js";
import type { GeneratedImage } from "./image.js";
import { type ModelFiles, pathIn } from "./model-files.js";
import type { Device, Network, Runtime, Values } from "./runtime.js";
import { inTurn, nextTask } from "./turns.js";

export interface GenerateOptions {
  /** Determines the noise: a whole number from 0 on, by default 0. */
  seed?: number;
  /** Images per prompt, by default 1. */
  count?: number;
  /** Number of the first of these images, by default 1: `first: 3, count: 2` are the images 3 and 4. */
  first?: number;
  /** Also returns the images of the earlier stages. */
  stages?: boolean;
  /** Also returns the attention of each place to each word. */
  attention?: boolean;
  /** Also returns the strength of SCBN's γ_c and β_c at each place, if the model has them. */
  modulation?: boolean;
  /** Ends the work before the next image, with the signal's reason as the error. */
  signal?: AbortSignal;
  /** Called after each image. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** One end of a way between two images. */
export interface Endpoint {
  prompt: string;
  /** By default 0. */
  seed?: number;
}

/** One image of a batch. */
export interface ImageRequest {
  prompt: string;
  /** As in `GenerateOptions`. */
  seed?: number;
  /** Number among the prompt's images: 1, 2, …; by default 1. */
  number?: number;
}

/** A loaded model: a function from prompts to images, with what is known about the model. */
export interface TextToImage {
  /**
   * Generates `count` images of each prompt, prompt after prompt. An image depends only on the model, its prompt, the
   * seed and its number. Calls wait for each other.
   * @throws UserError for a prompt that `read` refuses, before any image is generated; the reason of `signal`
   */
  (prompt: string | readonly string[], options?: GenerateOptions): Promise<GeneratedImage[]>;
  /**
   * Generates one image of each request, all at once: faster than one after another, with more memory. An image is that
   * of its prompt, seed and number alone, up to 1 of 255 per channel.
   * @throws UserError as above
   */
  batch(
    requests: readonly ImageRequest[],
    options?: Pick<GenerateOptions, "stages" | "attention" | "modulation" | "signal">,
  ): Promise<GeneratedImage[]>;
  /** The model's manifest: name, license, sizes, vocabulary and training. */
  readonly model: ModelManifest;
  /** Name of the model and the beginning of its generator's SHA-256, as in an image's PNG. */
  readonly version: string;
  readonly device: Device;
  /**
   * Generates images on the way from one to another, one for each number of `at`: 0 is the first image of `from`, 1
   * that of `to`. Noise is interpolated on a sphere, the captions' features linearly (`between.ts`).
   * @throws UserError for a prompt that `read` refuses or a number outside 0 … 1; the reason of `signal`
   */
  between(
    from: Endpoint,
    to: Endpoint,
    options: { at: readonly number[] } & Pick<GenerateOptions, "stages" | "signal" | "onProgress">,
  ): Promise<GeneratedImage[]>;
  /**
   * The tokens of a prompt, and the words that do not affect the image.
   * @throws UserError `caption.empty`, `caption.unknown-words`
   */
  read(prompt: string): EncodedCaption;
  /** The words that the model knows. */
  readonly words: readonly string[];
  /** Frees the model's memory. Calls after it are refused. */
  dispose(): Promise<void>;
}

/** Loads both networks of a model into the runtime. */
export async function loadTextToImage(files: ModelFiles, runtime: Runtime): Promise<TextToImage> {
  const { manifest, vocabulary } = files;
  const { textEncoder, generator } = manifest.networks;
  const text = await runtime.load(files.textEncoder, pathIn(files.where, textEncoder.file));
  let image: Network;
  try {
    image = await runtime.load(files.generator, pathIn(files.where, generator.file));
  } catch (error) {
    await text.release();
    throw error;
  }
  const version = `${manifest.name}, generator ${manifest.files[generator.file]!.sha256.slice(0, 8)}`;
  const model: LoadedModel = { manifest, text, image, version };
  const read = (prompt: string) => encodeCaption(vocabulary, prompt, manifest.sizes.maxWords);
  const turn = inTurn();
  let disposed = false;

  const captionOf = (prompt: string): Caption => {
    if (typeof prompt !== "string")
      throw new UserError(`A prompt is ${visible(String(prompt)).slice(0, 60)}; expected a text.`, {
        code: "usage",
      });
    const { tokens, ...ignored } = read(prompt);
    const words = tokens.map((token) => vocabulary.words[token]!);
    return { prompt, tokens, words, ignored };
  };
  const whileLoaded = <Result>(work: () => Promise<Result>) =>
    turn(() => {
      if (disposed) throw new UserError(`The model ${manifest.name} was disposed of.`, { code: "usage" });
      return work();
    });
  const generate = async (prompts: string | readonly string[], options: GenerateOptions = {}) => {
    const asked = checked(options);
    const captions = [prompts].flat().map(captionOf);
    return whileLoaded(() => generateEach(model, captions, asked));
  };
  const batch: TextToImage["batch"] = async (requests, options = {}) => {
    const asked = requests.map(({ prompt, seed = 0, number = 1 }) => {
      checked({ seed, count: number });
      return { caption: captionOf(prompt), seed, number };
    });
    const captions = asked.map(({ caption }) => caption);
    return whileLoaded(async () => {
      options.signal?.throwIfAborted();
      if (asked.length === 0) return [];
      return generateTogether(model, asked, await encode(model, captions), options);
    });
  };
  const between: TextToImage["between"] = async (from, to, { at, ...options }) => {
    const ends = [from, to].map(({ prompt, seed }) => ({
      caption: captionOf(prompt),
      seed: checked(seed === undefined ? {} : { seed }).seed,
    }));
    for (const t of at)
      if (!(t >= 0 && t <= 1))
        throw new UserError(`between: at has ${visible(String(t)).slice(0, 60)}; expected 0 to 1.`, {
          code: "usage",
        });
    return whileLoaded(() => generateBetween(model, ends[0]!, ends[1]!, at, options));
  };
  const dispose = () =>
    turn(async () => {
      if (disposed) return;
      disposed = true;
      await Promise.all([text.release(), image.release()]);
    });
  const { device } = runtime;
  return Object.assign(generate, {
    model: manifest,
    version,
    device,
    words: vocabulary.words.slice(1),
    ...{ batch, between, read, dispose },
  });
}

async function generateEach(
  model: LoadedModel,
  captions: readonly Caption[],
  options: Checked,
): Promise<GeneratedImage[]> {
  const { first, count, signal, onProgress } = options;
  const total = captions.length * count;
  const images: GeneratedImage[] = [];
  for (const caption of captions) {
    await whileWanted(signal);
    const features = await encode(model, [caption]);
    for (let number = first; number < first + count; number++) {
      if (number > first) await whileWanted(signal);
      images.push(
        ...(await generateTogether(model, [{ caption, seed: options.seed, number }], features, options)),
      );
      onProgress?.({ done: images.length, total });
    }
  }
  return images;
}

/** An end of a way: the first image of a caption and a seed. */
interface End {
  caption: Caption;
  seed: number;
}

async function generateBetween(
  model: LoadedModel,
  from: End,
  to: End,
  at: readonly number[],
  options: Pick<GenerateOptions, "stages" | "signal" | "onProgress">,
): Promise<GeneratedImage[]> {
  const { sizes } = model.manifest;
  const ends = [from, to] as const;
  const noises = ends.map(({ seed }) => imageNoise(sizes, [{ seed, number: 1 }]));
  const texts: TextFeatures[] = [];
  for (const { caption } of ends)
    texts.push(featuresOf(await encode(model, [caption]), caption.tokens.length));
  const prompts = [...new Set(ends.map(({ caption }) => caption.prompt))];
  const images: GeneratedImage[] = [];
  for (const t of at) {
    await whileWanted(options.signal);
    const { words, sentence, length } = textBetween(texts[0]!, texts[1]!, t);
    const features = {
      words: { data: words, shape: [1, sizes.text, length] },
      sentence: { data: sentence, shape: [1, sizes.text] },
      lengths: { data: BigInt64Array.of(BigInt(length)), shape: [1] },
    };
    const noise = {
      z: noiseBetween(noises[0]!.z, noises[1]!.z, t),
      epsilon: noiseBetween(noises[0]!.epsilon, noises[1]!.epsilon, t),
    };
    const near = t <= 0.5 ? from : to;
    const caption = { ...near.caption, prompt: prompts.join(" → ") };
    const asked = [{ caption, seed: near.seed, number: 1 }];
    images.push(...(await generateTogether(model, asked, features, { ...options, noise })));
    options.onProgress?.({ done: images.length, total: at.length });
  }
  return images;
}

function featuresOf({ words, sentence }: TextInputs, length: number): TextFeatures {
  const floats = ({ data }: Values) => data as Float32Array<ArrayBuffer>;
  return { words: floats(words), sentence: floats(sentence), length };
}

/** A page's events come before each image, and with them the signal. */
async function whileWanted(signal: AbortSignal | undefined): Promise<void> {
  await nextTask();
  signal?.throwIfAborted();
}

type Checked = Required<Pick<GenerateOptions, "seed" | "count" | "first">> & GenerateOptions;

function checked(options: GenerateOptions): Checked {
  const { seed = 0, count = 1, first = 1 } = options;
  const refuse = (name: string, value: unknown, expected: string) =>
    new UserError(`generate: ${name} is ${visible(String(value)).slice(0, 60)}; expected ${expected}.`, {
      code: "usage",
    });
  if (!Number.isSafeInteger(seed) || seed < 0) throw refuse("seed", seed, "a whole number from 0 on");
  if (!Number.isInteger(count) || count < 1 || count > 10_000)
    throw refuse("count", count, "a whole number from 1 to 10,000");
  if (!Number.isSafeInteger(first) || first < 1) throw refuse("first", first, "a whole number from 1 on");
  return { ...options, seed, count, first };
}
