/** One call of a model's networks: captions → text features, and noise and text features → images. */
import { type Ignored, ignoredLines, imageNoise, type ModelManifest, paddedTokens } from "@sdgan/core";
import { GeneratedImage } from "./image.js";
import { attentionOf, pixelsOf, shaped, strengthOf } from "./outputs.js";
import type { Network, Values } from "./runtime.js";

/** A model in memory. */
export interface LoadedModel {
  manifest: ModelManifest;
  text: Network;
  image: Network;
  /** The name of the model and the beginning of its generator's SHA-256. */
  version: string;
}

/** A prompt that the model has read. */
export interface Caption {
  prompt: string;
  tokens: number[];
  words: string[];
  ignored: Ignored;
}

/** The generator's inputs that depend on the prompts. */
export interface TextInputs extends Record<string, Values> {
  /** [B, D, T] */
  words: Values;
  /** [B, D] */
  sentence: Values;
  /** [B] */
  lengths: Values;
}

/** The text features of B captions of up to T words. */
export async function encode(
  { text, manifest }: LoadedModel,
  captions: readonly Caption[],
): Promise<TextInputs> {
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

interface Outputs {
  /** As in `GenerateOptions`. */
  stages?: boolean;
  attention?: boolean;
  modulation?: boolean;
  /** By default that of the seeds and numbers. */
  noise?: ReturnType<typeof imageNoise>;
}

/** One image for each of `asked`, whose captions have the text features `features`. */
export async function generateTogether(
  { manifest, image, version }: LoadedModel,
  asked: readonly { caption: Caption; seed: number; number: number }[],
  features: TextInputs,
  { stages, attention, modulation, noise = imageNoise(manifest.sizes, asked) }: Outputs,
): Promise<GeneratedImage[]> {
  const { sizes, networks, tokenizer } = manifest;
  const B = asked.length;
  const inputs = {
    z: { data: noise.z, shape: [B, sizes.noise] },
    epsilon: { data: noise.epsilon, shape: [B, sizes.condition] },
    ...features,
  };
  const first = stages ? 0 : sizes.images.length - 1;
  const wanted = networks.generator.images.slice(first);
  const maps = attention ? networks.generator.attentions : [];
  const gammas = modulation ? networks.generator.gammas : [];
  const betas = modulation ? networks.generator.betas : [];
  const outputs = await image.run(inputs, [...wanted, ...maps, ...gammas, ...betas]);
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
      {
        attention: maps.map((output) => attentionOf(outputs[output]!, { words, b, longest, name: output })),
        modulation: gammas.map((output) => strengthOf(outputs[output]!, { b, B, name: output })),
        shift: betas.map((output) => strengthOf(outputs[output]!, { b, B, name: output })),
      },
      {
        Description: prompt,
        Software: "sdgan",
        Seed: String(seed),
        Number: String(number),
        Model: version,
        ...(notRead.length > 0 && { Ignored: notRead.join("\n") }),
      },
    );
  });
}
