import type { EncodedCaption, Ignored, TokenizerName } from "@sdgan/core";

/** Images from captions: a run in libtorch (`ImageGenerator`), or an exported model (`ExportedModel`). */
export interface ImageSource {
  /** Side of each stage's image in pixels, first to last stage. */
  readonly sizes: readonly number[];
  /** Words per caption that the model reads; the others are ignored. */
  readonly maxWords: number;
  readonly tokenizer: TokenizerName;
  /** What generates, for a PNG's text chunks: keyword → text. */
  readonly origin: Record<string, string>;
  /**
   * Tokens of a caption, and the words that do not affect the image.
   * @throws UserError if the model knows none of its words
   */
  read(caption: string): EncodedCaption;
  /**
   * Generates `count` images per caption, caption by caption.
   * @throws UserError for a caption that `read` refuses, before any image is generated
   */
  generate(
    captions: readonly string[],
    options?: GenerateOptions,
  ): Iterable<GeneratedImage> | AsyncIterable<GeneratedImage>;
}

export interface GenerateOptions {
  /** Determines the noise. */
  seed?: number;
  /** Images per caption. */
  count?: number;
  /**
   * Images per batch. Larger batches are faster. Their images equal those generated one by one up to
   * rounding, because sums are computed in another order. Exported models generate one by one in any case.
   */
  batch?: number;
}

/** A generated image. */
export interface GeneratedImage {
  caption: string;
  seed: number;
  /** Number among the caption's images: 1, 2, … */
  number: number;
  /** The words of the caption that did not affect the image: unknown, after the limit, or dropped by the tokenizer. */
  ignored: Ignored;
  /** The image of every stage, small to large. The last one is the result. */
  stages: StageImage[];
}

export interface StageImage {
  /** [size, size, 3] bytes of sRGB. */
  pixels: Uint8Array;
  size: number;
}
