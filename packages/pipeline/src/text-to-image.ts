import {
  type EncodedCaption,
  encodeCaption,
  type Ignored,
  ignoredLines,
  imageNoise,
  type ModelManifest,
  paddedTokens,
  UserError,
  visible,
} from "@sdgan/core";
import { noiseBetween, type TextFeatures, textBetween } from "./between.js";
import { GeneratedImage, type PlaceMap, type WordAttention } from "./image.js";
import { type ModelFiles, pathIn } from "./model-files.js";
import type { Device, FloatOutput, Network, Runtime, Values } from "./runtime.js";
import { inTurn, nextTask } from "./turns.js";

export interface GenerateOptions {
  /** Determines the noise: a whole number from 0 on, by default 0. */
  seed?: number;
  /** Images per prompt, by default 1. */
  count?: number;
  /** Also returns the images of the earlier stages. */
  stages?: boolean;
  /** Also returns the attention of each place to each word. */
  attention?: boolean;
  /** Also returns the strength of SCBN's γ_c at each place, if the model has it. */
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

/** A loaded model: a function from prompts to images, with what is known about the model. */
export interface TextToImage {
  /**
   * Generates `count` images of each prompt, prompt after prompt. An image depends only on the model, its prompt, the
   * seed and its number. Calls wait for each other.
   * @throws UserError for a prompt that `read` refuses, before any image is generated; the reason of `signal`
   */
  (prompt: string | readonly string[], options?: GenerateOptions): Promise<GeneratedImage[]>;
  /** The model's manifest: name, license, sizes, vocabulary and training. */
  readonly model: ModelManifest;
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
  const model = { manifest, text, image, version: manifest.files[generator.file]!.sha256.slice(0, 8) };
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
    device,
    words: vocabulary.words.slice(1),
    read,
    between,
    dispose,
  });
}

interface Model {
  manifest: ModelManifest;
  text: Network;
  image: Network;
  /** The beginning of the generator's SHA-256. */
  version: string;
}

interface Caption {
  prompt: string;
  tokens: number[];
  words: string[];
  ignored: Ignored;
}

async function generateEach(
  model: Model,
  captions: readonly Caption[],
  options: Required<Pick<GenerateOptions, "seed" | "count">> & GenerateOptions,
): Promise<GeneratedImage[]> {
  const { count, signal, onProgress } = options;
  const total = captions.length * count;
  const images: GeneratedImage[] = [];
  for (const caption of captions) {
    await whileWanted(signal);
    const features = await encode(model, caption);
    for (let number = 1; number <= count; number++) {
      if (number > 1) await whileWanted(signal);
      images.push(await generateOne(model, caption, features, { ...options, number }));
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
  model: Model,
  from: End,
  to: End,
  at: readonly number[],
  options: Pick<GenerateOptions, "stages" | "signal" | "onProgress">,
): Promise<GeneratedImage[]> {
  const { sizes } = model.manifest;
  const ends = [from, to] as const;
  const noises = ends.map(({ seed }) => imageNoise(sizes, [{ seed, number: 1 }]));
  const texts: TextFeatures[] = [];
  for (const { caption } of ends) texts.push(featuresOf(await encode(model, caption), caption.tokens.length));
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
    const asked = { ...options, seed: near.seed, number: 1, noise };
    images.push(await generateOne(model, caption, features, asked));
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

/** The generator's inputs that depend on the prompt. */
interface TextInputs extends Record<string, Values> {
  words: Values;
  sentence: Values;
  lengths: Values;
}

async function encode({ text, manifest }: Model, { tokens }: Caption): Promise<TextInputs> {
  const padded = paddedTokens([tokens]);
  const int64 = (numbers: Int32Array, shape: number[]) => ({
    data: BigInt64Array.from(numbers, BigInt),
    shape,
  });
  const lengths = int64(padded.lengths, [1]);
  const inputs = { tokens: int64(padded.tokens, [1, tokens.length]), lengths };
  const { words, sentence } = await text.run(inputs, ["words", "sentence"]);
  const width = manifest.sizes.text;
  return {
    words: shaped(words!, [1, width, tokens.length], "words"),
    sentence: shaped(sentence!, [1, width], "sentence"),
    lengths,
  };
}

async function generateOne(
  { manifest, image, version }: Model,
  { prompt, words, ignored }: Caption,
  features: TextInputs,
  {
    seed,
    number,
    stages,
    attention,
    modulation,
    noise = imageNoise(manifest.sizes, [{ seed, number }]),
  }: GenerateOptions & { seed: number; number: number; noise?: ReturnType<typeof imageNoise> },
): Promise<GeneratedImage> {
  const { sizes, networks, tokenizer, name } = manifest;
  const inputs = {
    z: { data: noise.z, shape: [1, sizes.noise] },
    epsilon: { data: noise.epsilon, shape: [1, sizes.condition] },
    ...features,
  };
  const first = stages ? 0 : sizes.images.length - 1;
  const wanted = networks.generator.images.slice(first);
  const maps = attention ? networks.generator.attentions : [];
  const gammas = modulation ? networks.generator.gammas : [];
  const outputs = await image.run(inputs, [...wanted, ...maps, ...gammas]);
  const images = wanted.map((output, i) => {
    const size = sizes.images[first + i]!;
    return { size, pixels: pixelsOf(shaped(outputs[output]!, [1, 3, size, size], output).data, size) };
  });
  const notRead = ignoredLines([ignored], { maxWords: sizes.maxWords, tokenizer, most: 100 });
  return new GeneratedImage(
    { prompt, seed, number, ignored },
    images,
    {
      attention: maps.map((output) => attentionOf(outputs[output]!, words, output)),
      modulation: gammas.map((output) => strengthOf(outputs[output]!, output)),
    },
    {
      Description: prompt,
      Software: "sdgan",
      Seed: String(seed),
      Number: String(number),
      Model: `${name}, generator ${version}`,
      ...(notRead.length > 0 && { Ignored: notRead.join("\n") }),
    },
  );
}

/** [3, size, size] in −1 … 1 → [size, size, 3] bytes. Computed in float32 and rounded to even, as with libtorch. */
export function pixelsOf(values: Float32Array, size: number): Uint8Array<ArrayBuffer> {
  const places = size * size;
  const pixels = new Uint8Array(places * 3);
  // A clamped array rounds to even, and NaN to 0.
  const level = new Uint8ClampedArray(1);
  for (let channel = 0; channel < 3; channel++)
    for (let place = 0; place < places; place++) {
      level[0] = Math.fround(Math.fround(values[channel * places + place]! + 1) * 127.5);
      pixels[place * 3 + channel] = level[0]!;
    }
  return pixels;
}

/** [1, size · size, T] → a map for each word. */
function attentionOf(output: FloatOutput, words: readonly string[], name: string): WordAttention {
  const size = Math.round(Math.sqrt(output.shape[1] ?? 0));
  const { data } = shaped(output, [1, size * size, words.length], name);
  return {
    size,
    words: words.map((word, t) => ({
      word,
      weights: Float32Array.from({ length: size * size }, (_, place) => data[place * words.length + t]!),
    })),
  };
}

/** [1, C, size, size] → the mean of |γ_c| over the channels at each place. */
function strengthOf({ data, shape }: FloatOutput, name: string): PlaceMap {
  const [, channels = 0, size = 0] = shape;
  shaped({ data, shape }, [1, channels, size, size], name);
  const values = new Float32Array(size * size);
  for (const [i, value] of data.entries()) values[i % values.length]! += Math.abs(value) / channels;
  return { size, values };
}

/** @throws UserError if the output has another shape */
function shaped(
  { data, shape }: FloatOutput,
  expected: readonly number[],
  name: string,
): { data: Float32Array<ArrayBuffer>; shape: readonly number[] } {
  if (shape.length !== expected.length || !shape.every((size, i) => size === expected[i]))
    throw new UserError(
      `The model's output ${visible(name)} has the shape [${shape.join(", ")}], not [${expected.join(", ")}]. Export the model again.`,
      { code: "model.invalid" },
    );
  return { data: data as Float32Array<ArrayBuffer>, shape };
}

function checked(
  options: GenerateOptions,
): Required<Pick<GenerateOptions, "seed" | "count">> & GenerateOptions {
  const { seed = 0, count = 1 } = options;
  const refuse = (name: string, value: unknown, expected: string) =>
    new UserError(`generate: ${name} is ${visible(String(value)).slice(0, 60)}; expected ${expected}.`, {
      code: "usage",
    });
  if (!Number.isSafeInteger(seed) || seed < 0) throw refuse("seed", seed, "a whole number from 0 on");
  if (!Number.isInteger(count) || count < 1 || count > 10_000)
    throw refuse("count", count, "a whole number from 1 to 10,000");
  return { ...options, seed, count };
}
