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
import { GeneratedImage, type WordAttention } from "./image.js";
import { type ModelFiles, pathIn } from "./model-files.js";
import type { Device, FloatOutput, Network, Runtime, Values } from "./runtime.js";
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
  /** Ends the work before the next image, with the signal's reason as the error. */
  signal?: AbortSignal;
  /** Called after each image. */
  onProgress?: (progress: { done: number; total: number }) => void;
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
  /** Name of the model and the beginning of its generator's SHA-256, as in an image's PNG. */
  readonly version: string;
  readonly device: Device;
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
  const model = { manifest, text, image, version };
  const read = (prompt: string) => encodeCaption(vocabulary, prompt, manifest.sizes.maxWords);
  const turn = inTurn();
  let disposed = false;

  const generate = async (prompts: string | readonly string[], options: GenerateOptions = {}) => {
    const asked = checked(options);
    const captions = [prompts].flat().map((prompt): Caption => {
      if (typeof prompt !== "string")
        throw new UserError(`A prompt is ${visible(String(prompt)).slice(0, 60)}; expected a text.`, {
          code: "usage",
        });
      const { tokens, ...ignored } = read(prompt);
      const words = tokens.map((token) => vocabulary.words[token]!);
      return { prompt, tokens, words, ignored };
    });
    return turn(() => {
      if (disposed) throw new UserError(`The model ${manifest.name} was disposed of.`, { code: "usage" });
      return generateEach(model, captions, asked);
    });
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
    read,
    dispose,
  });
}

interface Model {
  manifest: ModelManifest;
  text: Network;
  image: Network;
  /** Its name and the beginning of the generator's SHA-256. */
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
  options: Checked,
): Promise<GeneratedImage[]> {
  const { first, count, signal, onProgress } = options;
  const total = captions.length * count;
  const images: GeneratedImage[] = [];
  // A page's events come before each image, and with them the signal.
  const whileWanted = async () => {
    await nextTask();
    signal?.throwIfAborted();
  };
  for (const caption of captions) {
    await whileWanted();
    const features = await encode(model, caption);
    for (let number = first; number < first + count; number++) {
      if (number > first) await whileWanted();
      images.push(await generateOne(model, caption, features, { ...options, number }));
      onProgress?.({ done: images.length, total });
    }
  }
  return images;
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
  { seed, number, stages, attention }: GenerateOptions & { seed: number; number: number },
): Promise<GeneratedImage> {
  const { sizes, networks, tokenizer } = manifest;
  const noise = imageNoise(sizes, [{ seed, number }]);
  const inputs = {
    z: { data: noise.z, shape: [1, sizes.noise] },
    epsilon: { data: noise.epsilon, shape: [1, sizes.condition] },
    ...features,
  };
  const first = stages ? 0 : sizes.images.length - 1;
  const wanted = networks.generator.images.slice(first);
  const maps = attention ? networks.generator.attentions : [];
  const outputs = await image.run(inputs, [...wanted, ...maps]);
  const images = wanted.map((output, i) => {
    const size = sizes.images[first + i]!;
    return { size, pixels: pixelsOf(shaped(outputs[output]!, [1, 3, size, size], output).data, size) };
  });
  const notRead = ignoredLines([ignored], { maxWords: sizes.maxWords, tokenizer, most: 100 });
  return new GeneratedImage(
    { prompt, seed, number, ignored },
    images,
    maps.map((output) => attentionOf(outputs[output]!, words, output)),
    {
      Description: prompt,
      Software: "sdgan",
      Seed: String(seed),
      Number: String(number),
      Model: version,
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
