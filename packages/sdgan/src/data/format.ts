import { z } from "zod";
import type { Split } from "./dataset.js";

/**
 * A prepared folder: what `prepare` writes and `openPrepared` reads.
 *
 *     index.json          this file's `indexSchema`: what the pictures are, in the order of their pixels
 *     train.pixels        [pictures, storedSize, storedSize, 3] bytes: sRGB, nothing before, between or after
 *     test.pixels         the same for the pictures that training never sees
 *     vocabulary.json     the words of all captions, of both splits, as AttnGAN has it
 *     contact-sheet.png   some of the pictures, to look at
 */
export const FILES = {
  index: "index.json",
  vocabulary: "vocabulary.json",
  contactSheet: "contact-sheet.png",
  pixels: { train: "train.pixels", test: "test.pixels" } satisfies Record<Split, string>,
};

export const SPLITS = ["train", "test"] as const satisfies Split[];

/** Says that a folder is a prepared one, and of which kind. */
export const FORMAT = "sdgan-prepared";
export const VERSION = 1;

const captionSchema = z.object({
  text: z.string(),
  /** The caption's words in `vocabulary.json`: all of them, however long it is; never none. */
  tokens: z.array(z.int().positive()).min(1),
  /** Which of the picture's attributes the words name, where that is known. */
  names: z.array(z.string()).optional(),
});

const pictureSchema = z.object({
  id: z.string(),
  classId: z.int().nonnegative(),
  attributes: z.record(z.string(), z.int().nonnegative()).optional(),
  captions: z.array(captionSchema).min(1),
});

export const indexSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  /** The source's name. */
  source: z.string(),
  /** Side of the pictures that a model of this data draws. */
  size: z.int().positive(),
  /** Side of the pictures as they are stored: `size`, or more, so that training can crop. */
  storedSize: z.int().positive(),
  classes: z.array(z.string()),
  attributes: z.record(z.string(), z.array(z.string())).optional(),
  pictures: z.object({ train: z.array(pictureSchema), test: z.array(pictureSchema) }),
});

export type Index = z.infer<typeof indexSchema>;
export type PreparedPicture = z.infer<typeof pictureSchema>;
export type PreparedCaption = z.infer<typeof captionSchema>;
