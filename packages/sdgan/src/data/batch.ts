import { type Random, sampleWords } from "@sdgan/core";
import { paddedTokens } from "../util/padded-tokens.js";
import type { Split } from "./dataset.js";
import type { Prepared } from "./prepared.js";
import { copyWindow, type Window } from "./window.js";

/** One image of a split, and one of its captions, by their places there. */
export interface Choice {
  image: number;
  caption: number;
}

/** All that is decided of a batch of B images with a caption each: what is left to do needs no chance. */
export interface BatchPlan {
  /** [B, T] tokens, T the longest caption's length; 0 after a caption's end. */
  tokens: Int32Array;
  /** [B] words of each caption: 1 … T. */
  lengths: Int32Array;
  /** [B] */
  classIds: Int32Array;
  /** [B] places of the images in the split. */
  images: Int32Array;
  /** [B] places of the captions among their images'. */
  captions: Int32Array;
  /** [B] what is taken of the images. */
  windows: Window[];
}

/** A plan that was carried out. */
export interface Batch extends BatchPlan {
  /** [B, size, size, 3] bytes of sRGB. */
  pixels: Uint8Array;
  size: number;
}

/** How images and captions are looked at when a batch is made of them. */
export interface Augmentation {
  /** From which corner, 0 … `margin` pixels from the stored image's, `size` × `size` pixels are taken. */
  window(margin: number): Window;
  /** Which of a caption's tokens are taken: at least one, at most `maxWords`. */
  words(tokens: readonly number[], maxWords: number): readonly number[];
}

/** The middle of the image, the first words of the caption. */
export const noAugmentation: Augmentation = {
  window: (margin) => ({ top: margin >> 1, left: margin >> 1, flip: false }),
  words: (tokens, maxWords) => tokens.slice(0, maxWords),
};

/** Training's way: any window (`crop`), mirrored half of the time (`flip`), any words in order. */
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
  /** Captions are cut to this many words. */
  maxWords: number;
  augmentation?: Augmentation;
}

/** The batch of `choices`, in their order; looked at steadily, so always the same, unless told otherwise. */
export function makeBatch(choices: readonly Choice[], options: BatchOptions): Batch {
  return withPixels(planBatch(choices, options), options);
}

/** What of `choices` is taken: words first, then windows. */
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

/** Carries a plan out, as bytes. */
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
