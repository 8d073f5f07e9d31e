import { z } from "zod";
import { licencesFile } from "../util/licences.js";
import type { Split } from "./dataset.js";

/**
 * A prepared folder: what `prepare` writes and `openPrepared` reads.
 *
 *     index.json          `indexSchema` below: what all images have in common, and a summary
 *     train.jsonl         `imageSchema` below: one line per training image
 *     train.pixels        [images, storedSize, storedSize, 3] bytes: sRGB, without headers or padding
 *     val.jsonl           the same for the images that are evaluated during training; empty if there are none
 *     val.pixels
 *     test.jsonl          the same for the images that a trained model is evaluated on
 *     test.pixels
 *     vocabulary.json     the tokenizer and the words
 *     skipped.jsonl       the skipped images and the reasons, one per line; only if there are any
 *     contact-sheet.png   some of the images, for inspection
 *     LICENSES.txt        who made images and words, and the licences; only if the source has them
 *
 * Every byte of the images is covered by a checksum: index.json contains the SHA-256 of the lists, and the
 * lists contain the XXH64 of each image's pixels. No file contains a time or a path of this machine, so the
 * SHA-256 of index.json identifies the data: the same source, prepared with the same options, has the same
 * SHA-256 everywhere.
 */
export const FILES = {
  index: "index.json",
  vocabulary: "vocabulary.json",
  skipped: "skipped.jsonl",
  contactSheet: "contact-sheet.png",
  licences: licencesFile,
  images: { train: "train.jsonl", val: "val.jsonl", test: "test.jsonl" } satisfies Record<Split, string>,
  pixels: { train: "train.pixels", val: "val.pixels", test: "test.pixels" } satisfies Record<Split, string>,
};

export const SPLITS = ["train", "val", "test"] as const satisfies Split[];

/** An object with `make(split)` for each split. */
export function forEachSplit<Value>(make: (split: Split) => Value): Record<Split, Value> {
  return { train: make("train"), val: make("val"), test: make("test") };
}

/** The sum over all splits. */
export function sumOfSplits(counts: Record<Split, number>): number {
  return counts.train + counts.val + counts.test;
}

/** Identifies a prepared folder in its index.json. */
export const FORMAT = "sdgan-prepared";
/**
 * Version 1 had everything except the pixels in index.json, and no checksums; version 2 had no `val` split.
 */
export const VERSION = 3;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const captionSchema = z.object({
  text: z.string(),
  /**
   * The caption's words as numbers in `vocabulary.json`: all of them, without a length limit; at least one.
   */
  tokens: z.array(z.int().positive()).min(1),
  /** Which of the image's attributes the caption names, if known. */
  names: z.array(z.string()).optional(),
  /** The code of its language, such as "en", if known. */
  language: z.string().optional(),
});

export const imageSchema = z.object({
  id: z.string(),
  classId: z.int().nonnegative(),
  attributes: z.record(z.string(), z.int().nonnegative()).optional(),
  captions: z.array(captionSchema).min(1),
  /** XXH64 of the image's pixels. */
  xxh64: z.string().regex(/^[0-9a-f]{16}$/),
});

const summarySchema = z.object({
  /** Images in each split. */
  images: z.object(forEachSplit(() => z.int().nonnegative())),
  captions: z.int().nonnegative(),
  /** Size of the vocabulary, padding included. */
  words: z.int().positive(),
  /** Words of captions that are not in the vocabulary: how many different ones, and the most frequent. */
  unknownWords: z.object({ count: z.int().nonnegative(), mostFrequent: z.array(z.string()) }).optional(),
  /** Captions without a known word, dropped from images that have other captions. */
  emptyCaptions: z.int().nonnegative(),
  /** Skipped images. */
  skipped: z.int().nonnegative(),
});

const licenceSchema = z.object({
  of: z.enum(["images", "words"]),
  ...{ title: z.string(), author: z.string(), license: z.string(), url: z.string().optional() },
  package: z.string(),
});

export const indexSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** The source's name. */
  source: z.string(),
  /** How the source differs from its usual form, by option; absent if it does not. */
  variant: z.record(z.string(), z.string()).optional(),
  /** Side of the images that a model trained on this data generates. */
  size: z.int().positive(),
  /** Side of the stored images: `size`, or more so that training can crop. */
  storedSize: z.int().positive(),
  summary: summarySchema,
  /** SHA-256 of vocabulary.json and of each split's list of images. */
  sha256: z.object({ vocabulary: sha256Schema, ...forEachSplit(() => sha256Schema) }),
  attributes: z.record(z.string(), z.array(z.string())).optional(),
  /** The licences of images and words, if the source has them; LICENSES.txt has them for readers. */
  licences: z.array(licenceSchema).optional(),
  classes: z.array(z.string()),
});

export type Index = z.infer<typeof indexSchema>;
export type Summary = z.infer<typeof summarySchema>;
export type PreparedImage = z.infer<typeof imageSchema>;
export type PreparedCaption = z.infer<typeof captionSchema>;
