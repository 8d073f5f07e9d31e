import { paddedTokens, type Random, sampleWords } from "@sdgan/core";
import type { Split } from "./dataset.js";
import type { Prepared } from "./prepared.js";
import { copyWindow, type Window } from "./window.js";

/** One image of a split and one of its captions, by their indices. */
export interface Choice {
  image: number;
  caption: number;
}

/** A batch of B images with one caption each, with all random choices made. */
export interface BatchPlan {
  /** [B, T] tokens, T the longest caption's length; 0 after a caption's end. */
  tokens: Int32Array;
  /** [B] number of words of each caption: 1 … T. */
  lengths: Int32Array;
  /** [B] */
  classIds: Int32Array;
  /** [B] indices of the images in the split. */
  images: Int32Array;
  /** [B] indices of the captions among those of their images. */
  captions: Int32Array;
  /** [B] the part of each image that is used. */
  windows: Window[];
}

/** A plan with its pixels. */
export interface Batch extends BatchPlan {
  /** [B, size, size, 3] bytes of sRGB. */
  pixels: Uint8Array;
  size: number;
}

/** How images are cropped and mirrored, and words selected, for a batch. */
export interface Augmentation {
  /** The window of `size` × `size` pixels to use: `top` and `left` are 0 … `margin`. */
  window(margin: number): Window;
  /** The tokens of a caption to use: at least one, at most `maxWords`. */
  words(tokens: readonly number[], maxWords: number): readonly number[];
}

/** The centre of the image and the first words of the caption. */
const noAugmentation: Augmentation = {
  window: (margin) => ({ top: margin >> 1, left: margin >> 1, flip: false }),
  words: (tokens, maxWords) => tokens.slice(0, maxWords),
};

/** For training: a random window (`crop`), random mirroring (`flip`), and random words in their order. */
export function randomAugmentation(
  random: Random,
  { crop, flip }: { crop: boolean; flip: boolean },
): Augmentation {
  return {
    window: (margin) => ({
      top: crop ? random.below(margin + 1) : margin >> 1,
      left: crop ? random.below(margin + 1) : margin >> 1,
      flip: flip && random.chance(0.5),
    }),
    words: (tokens, maxWords) => sampleWords(tokens, maxWords, random),
  };
}

export interface BatchOptions {
  data: Prepared;
  split: Split;
  /** Maximum number of words used per caption. */
  maxWords: number;
  augmentation?: Augmentation;
}

/** The batch of `choices`, in their order. Without an `augmentation` it is always the same. */
export function makeBatch(choices: readonly Choice[], options: BatchOptions): Batch {
  return withPixels(planBatch(choices, options), options);
}

/** Plans the batch of `choices`: the augmentation samples all words first, then all windows. */
export function planBatch(
  choices: readonly Choice[],
  { data, split, maxWords, augmentation = noAugmentation }: BatchOptions,
): BatchPlan {
  const { images } = data.splits[split];
  const chosen = choices.map(({ image }) => images.at(image));
  const words = choices.map(({ caption }, b) =>
    augmentation.words(chosen[b]!.captions[caption]!.tokens, maxWords),
  );
  return {
    ...paddedTokens(words),
    classIds: Int32Array.from(chosen, ({ classId }) => classId),
    images: Int32Array.from(choices, ({ image }) => image),
    captions: Int32Array.from(choices, ({ caption }) => caption),
    windows: choices.map(() => augmentation.window(data.storedSize - data.size)),
  };
}

/** Executes a plan: adds the pixels as bytes. */
export function withPixels(plan: BatchPlan, { data, split }: Pick<BatchOptions, "data" | "split">): Batch {
  const { size, storedSize } = data;
  const imageBytes = size * size * 3;
  const pixels = new Uint8Array(plan.windows.length * imageBytes);
  for (const [b, window] of plan.windows.entries()) {
    const into = pixels.subarray(b * imageBytes, (b + 1) * imageBytes);
    copyWindow(data.splits[split].pixels(plan.images[b]!), storedSize, into, size, window);
  }
  return { ...plan, pixels, size };
}
