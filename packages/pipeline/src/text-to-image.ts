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
import { GeneratedImage } from "./image.js";
import { type ModelFiles, pathIn } from "./model-files.js";
import { attentionOf, pixelsOf, shaped } from "./outputs.js";
import type { Device, Network, Runtime, Values } from "./runtime.js";
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
  /** Ends the work before the next image, with the signal's reason as the error. */
  signal?: AbortSignal;
  /** Called after each image. */
  onProgress?: (progress: { done: number; total: number }) => void;
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
    options?: Pick<GenerateOptions, "stages" | "attention" | "signal">,
  ): Promise<GeneratedImage[]>;
  /** The model's manifest: name, license, sizes, vocabulary and training. */
  readonly model: ModelManifest;
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
  const inModel = <Result>(work: () => Promise<Result>) =>
    turn(() => {
      if (disposed) throw new UserError(`The model ${manifest.name} was disposed of.`, { code: "usage" });
      return work();
    });
  const generate = async (prompts: string | readonly string[], options: GenerateOptions = {}) => {
    const asked = checked(options);
    const captions = [prompts].flat().map(captionOf);
    return inModel(() => generateEach(model, captions, asked));
  };
  const batch: TextToImage["batch"] = async (requests, options = {}) => {
    const asked = requests.map(({ prompt, seed = 0, number = 1 }) => {
      checked({ seed, count: number });
      return { caption: captionOf(prompt), seed, number };
    });
    return inModel(async () => {
      options.signal?.throwIfAborted();
      if (asked.length === 0) return [];
      const features = await encode(
        model,
        asked.map(({ caption }) => caption),
      );
      return generateTogether(model, asked, features, options);
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
    device,
    words: vocabulary.words.slice(1),
    ...{ batch, read, dispose },
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
  // A page's events come before each image, and with them the signal.
  const whileWanted = async () => {
    await nextTask();
    signal?.throwIfAborted();
  };
  for (const caption of captions) {
    await whileWanted();
    const features = await encode(model, [caption]);
    for (let number = 1; number <= count; number++) {
      if (number > 1) await whileWanted();
      images.push(
        ...(await generateTogether(model, [{ caption, seed: options.seed, number }], features, options)),
      );
      onProgress?.({ done: images.length, total });
    }
  }
  return images;
}

/** The generator's inputs that depend on the prompts. */
interface TextInputs extends Record<string, Values> {
  /** [B, D, T] */
  words: Values;
  /** [B, D] */
  sentence: Values;
  /** [B] */
  lengths: Values;
}

async function encode({ text, manifest }: Model, captions: readonly Caption[]): Promise<TextInputs> {
  const padded = paddedTokens(captions.map(({ tokens }) => tokens));
  const B = captions.length;
  const T = padded.tokens.length / B;
  const int64 = (numbers: Int32Array, shape: number[]) => ({
    data: BigInt64Array.from(numbers, BigInt),
    shape,
  });
  const lengths = int64(padded.lengths, [B]);
  const inputs = { tokens: int64(padded.tokens, [B, T]), lengths };
  const { words, sentence } = await text.run(inputs, ["words", "sentence"]);
  const D = manifest.sizes.text;
  return {
    words: shaped(words!, [B, D, T], "words"),
    sentence: shaped(sentence!, [B, D], "sentence"),
    lengths,
  };
}

/** One image for each of `asked`, whose texts are `features`. */
async function generateTogether(
  { manifest, image, version }: Model,
  asked: readonly { caption: Caption; seed: number; number: number }[],
  features: TextInputs,
  { stages, attention }: Pick<GenerateOptions, "stages" | "attention">,
): Promise<GeneratedImage[]> {
  const { sizes, networks, tokenizer, name } = manifest;
  const B = asked.length;
  const noise = imageNoise(sizes, asked);
  const inputs = {
    z: { data: noise.z, shape: [B, sizes.noise] },
    epsilon: { data: noise.epsilon, shape: [B, sizes.condition] },
    ...features,
  };
  const first = stages ? 0 : sizes.images.length - 1;
  const wanted = networks.generator.images.slice(first);
  const maps = attention ? networks.generator.attentions : [];
  const outputs = await image.run(inputs, [...wanted, ...maps]);
  const values = wanted.map((output, i) => {
    const size = sizes.images[first + i]!;
    return { size, data: shaped(outputs[output]!, [B, 3, size, size], output).data };
  });
  const longest = features.words.shape[2]!;
  return asked.map(({ caption: { prompt, words, ignored }, seed, number }, b) => {
    const notRead = ignoredLines([ignored], { maxWords: sizes.maxWords, tokenizer, most: 100 });
    return new GeneratedImage(
      { prompt, seed, number, ignored },
      values.map(({ size, data }) => {
        const length = 3 * size * size;
        return { size, pixels: pixelsOf(data.subarray(b * length, (b + 1) * length), size) };
      }),
      maps.map((output) => attentionOf(outputs[output]!, { words, b, longest, name: output })),
      {
        Description: prompt,
        Software: "sdgan",
        Seed: String(seed),
        Number: String(number),
        Model: `${name}, generator ${version}`,
        ...(notRead.length > 0 && { Ignored: notRead.join("\n") }),
      },
    );
  });
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
