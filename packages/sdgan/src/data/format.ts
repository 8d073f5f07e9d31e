import { z } from "zod";
import type { Split } from "./dataset.js";

/**
 * A prepared folder: what `prepare` writes and `openPrepared` reads.
 *
 *     index.json          this file's `indexSchema`: what all images have in common, and what came of preparing
 *     train.jsonl         this file's `imageSchema`: a line for each image to train on
 *     train.pixels        [images, storedSize, storedSize, 3] bytes: sRGB, nothing before, between or after
 *     val.jsonl           the same for the images that training is evaluated on; an empty file where there are none
 *     val.pixels
 *     test.jsonl          the same for the images that a trained model is evaluated on
 *     test.pixels
 *     vocabulary.json     the tokenizer, and the words of all captions that are not tested on
 *     skipped.jsonl       images that were left out and why, a line each; only where there are any
 *     contact-sheet.png   some of the images, to look at
 *
 * Every byte of the images is vouched for: index.json has the SHA-256 of the lists, the lists have the XXH64 of
 * each image's pixels. No file has a time or a path of this machine in it, so the SHA-256 of index.json names the
 * data: the same source, prepared with the same options, has the same one wherever it lies.
 */
export const FILES = {
  index: "index.json",
  vocabulary: "vocabulary.json",
  skipped: "skipped.jsonl",
  contactSheet: "contact-sheet.png",
  images: { train: "train.jsonl", val: "val.jsonl", test: "test.jsonl" } satisfies Record<Split, string>,
  pixels: { train: "train.pixels", val: "val.pixels", test: "test.pixels" } satisfies Record<Split, string>,
};

export const SPLITS = ["train", "val", "test"] as const satisfies Split[];

/** Something for each split. */
export function forEachSplit<Value>(make: (split: Split) => Value): Record<Split, Value> {
  return { train: make("train"), val: make("val"), test: make("test") };
}

/** Something of all splits together. */
export function sumOfSplits(counts: Record<Split, number>): number {
  return counts.train + counts.val + counts.test;
}

/** Says that a folder is a prepared one, and of which kind. */
export const FORMAT = "sdgan-prepared";
/** 1 had everything but the pixels in index.json, and no checksums; 2 had no split to validate on. */
export const VERSION = 3;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const captionSchema = z.object({
  text: z.string(),
  /** The caption's words in `vocabulary.json`: all of them, however long it is; never none. */
  tokens: z.array(z.int().positive()).min(1),
  /** Which of the image's attributes the words name, where that is known. */
  names: z.array(z.string()).optional(),
});

export const imageSchema = z.object({
  id: z.string(),
  classId: z.int().nonnegative(),
  attributes: z.record(z.string(), z.int().nonnegative()).optional(),
  captions: z.array(captionSchema).min(1),
  /** XXH64 of its pixels. */
  xxh64: z.string().regex(/^[0-9a-f]{16}$/),
});

const summarySchema = z.object({
  /** Images in each split. */
  images: z.object(forEachSplit(() => z.int().nonnegative())),
  captions: z.int().nonnegative(),
  /** Size of the vocabulary, padding included. */
  words: z.int().positive(),
  /** Words of captions that a vocabulary from elsewhere lacks: how many different ones, and the most frequent. */
  unknownWords: z.object({ count: z.int().nonnegative(), mostFrequent: z.array(z.string()) }).optional(),
  /** Captions without a word that is known, left out of images that have others. */
  emptyCaptions: z.int().nonnegative(),
  /** Images that were left out. */
  skipped: z.int().nonnegative(),
});

export const indexSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** The source's name. */
  source: z.string(),
  /** Side of the images that a model of this data draws. */
  size: z.int().positive(),
  /** Side of the images as they are stored: `size`, or more, so that training can crop. */
  storedSize: z.int().positive(),
  summary: summarySchema,
  /** Of whole files: the vocabulary and the lists of images. */
  sha256: z.object({ vocabulary: sha256Schema, ...forEachSplit(() => sha256Schema) }),
  attributes: z.record(z.string(), z.array(z.string())).optional(),
  classes: z.array(z.string()),
});

export type Index = z.infer<typeof indexSchema>;
export type Summary = z.infer<typeof summarySchema>;
export type PreparedImage = z.infer<typeof imageSchema>;
export type PreparedCaption = z.infer<typeof captionSchema>;
