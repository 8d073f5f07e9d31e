import { defaultTokenizer, type TokenizerName, type Vocabulary } from "@sdgan/core";

/**
 * Where images with words come from. A source gives examples one after another, as its files have them;
 * `prepare` turns them into a prepared folder; everything later reads only that.
 */
export interface Source {
  /** The command's word for it: "birds", "folder". */
  name: string;
  /** What was found where, in one line for people: the layout, and what captions and split are taken from. */
  found?: string;
  /** How many examples there are, where that is known beforehand. */
  count?: number;
  /** Names of the classes; an example's `classId` points into it. One class an image where a source has none. */
  classes: string[];
  /** Attributes that are known of every image, name → its possible values; absent where the truth is not known. */
  attributes?: Record<string, string[]>;
  /** How captions are taken apart into words, where it brings no vocabulary; absent: `unicode`. */
  tokenizer?: TokenizerName;
  /** The words that captions are encoded with; absent: those of the captions that are not tested on. */
  vocabulary?: Vocabulary;
  /**
   * All examples by name, before any is read, so that a validation split can be cut from them. Absent where they are
   * not known beforehand: then the splits stay as the examples say.
   */
  listing?: readonly Pick<Example, "id" | "split" | "classId">[];
  /** In the same order every time. */
  examples(): AsyncIterable<Example>;
}

/** How the captions of a source are taken apart into words. */
export function tokenizerOf({ tokenizer, vocabulary }: Source): TokenizerName {
  return vocabulary?.tokenizer ?? tokenizer ?? defaultTokenizer;
}

/**
 * What an image is for: `train` to train on; `val` to evaluate on while training, to choose the best checkpoint and to
 * stop early by; `test` for the figures that are reported, and for nothing else.
 */
export type Split = "train" | "val" | "test";

export interface Example {
  /** Names the image in messages and in the prepared folder: a path or a number, unique within the source. */
  id: string;
  split: Split;
  classId: number;
  captions: Caption[];
  /** Why it cannot be used, where the source knows that already (its captions cannot be read); it is left out. */
  broken?: string;
  /** Where in the image the thing is that the captions are of; absent: everywhere. */
  box?: Box;
  /**
   * Another one when the image's file has been replaced: its size and time. Does not reject. Without it, an image
   * of the same id counts as the same.
   */
  stamp?(): Promise<string>;
  /** The encoded image: PNG, JPEG, WebP, SVG, … Rejects with a `UserError` when it cannot be read. */
  read(): Promise<Buffer>;
  /** Attribute name → index into the source's `attributes[name]`. */
  attributes?: Record<string, number>;
}

/** In pixels of the image as its file stores them, before it is turned as its EXIF says. May have fractions. */
export interface Box {
  /** Left edge. */
  x: number;
  /** Upper edge. */
  y: number;
  width: number;
  height: number;
}

export interface Caption {
  text: string;
  /** Which of the image's attributes the words name, where that is known. */
  names?: string[];
}
