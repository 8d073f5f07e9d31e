import { defaultTokenizer, type TokenizerName, type Vocabulary } from "@sdgan/core";
import type { Remarks } from "./remarks.js";

/**
 * A data set of captioned images, read from its original files. `prepare` converts it to a prepared folder;
 * everything after that reads only the prepared folder.
 */
export interface Source {
  /** Its name on the command line: "birds", "folder". */
  name: string;
  /** One line for the user: the layout found, and the files that captions and split are read from. */
  found?: string;
  /** How it differs from the usual form of its kind, by option of `sdgan prepare`: `{ captions: "paraphrases" }`. An option without a value has "". Absent: not at all. */
  variant?: Record<string, string>;
  /** The number of examples, if known in advance. */
  count?: number;
  /** Names of the classes, indexed by `classId`. One class per image if the source has no classes. */
  classes: string[];
  /** Attributes that are known for every image: name → possible values. Absent if there are none. */
  attributes?: Record<string, string[]>;
  /** How captions are split into words, if the source has no vocabulary; absent: `unicode`. */
  tokenizer?: TokenizerName;
  /** The vocabulary that captions are encoded with; absent: the words of the train and val captions. */
  vocabulary?: Vocabulary;
  /**
   * All examples, listed before any is read, so that a validation split can be made from them. Absent if they
   * are not known in advance: then the examples' own splits are used. Those known to be broken are
   * `unusable`.
   */
  listing?: readonly (Pick<Example, "id" | "split" | "classId"> & { unusable?: true })[];
  /** Where images and words are from, and under which licences. Absent if the user knows. */
  licences?: readonly Licence[];
  /** What is not used or was read in an unusual way. Complete when all examples have been read. */
  remarks?: Remarks;
  /** All examples, in the same order at every call. */
  examples(): AsyncIterable<Example>;
}

/** The tokenizer of a source's captions. */
export function tokenizerOf({ tokenizer, vocabulary }: Source): TokenizerName {
  return vocabulary?.tokenizer ?? tokenizer ?? defaultTokenizer;
}

/**
 * What an image is used for: `train` for training; `val` for evaluation during training, the choice of the
 * best checkpoint and early stopping; `test` only for the reported figures.
 */
export type Split = "train" | "val" | "test";

export interface Example {
  /** Identifies the image in messages and prepared data: a path or a number, unique within the source. */
  id: string;
  split: Split;
  classId: number;
  captions: Caption[];
  /** Why the example cannot be used, such as unreadable captions. Such an example is skipped. */
  broken?: string;
  /** Where the captioned object is in the image; absent: the whole image. */
  box?: Box;
  /**
   * A text that changes when the image's file is replaced, made of its size and modification time. Does not
   * reject. Without it, an image with the same id counts as unchanged.
   */
  stamp?(): Promise<string>;
  /** The encoded image: PNG, JPEG, WebP, SVG, … Rejects with a `UserError` when it cannot be read. */
  read(): Promise<Buffer>;
  /** Attribute name → index into the source's `attributes[name]`. */
  attributes?: Record<string, number>;
}

/**
 * A bounding box in pixels of the stored image, before its EXIF orientation is applied. May have fractions.
 */
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
  /** Which of the image's attributes the caption names, if known. */
  names?: string[];
  /** The code of its language, such as "en" or "zh-Hant", if known. */
  language?: string;
}

/** The licence of a part of the data. */
export interface Licence {
  of: "images" | "words";
  title: string;
  author: string;
  /** An SPDX identifier. */
  license: string;
  /** Where the licence, or the author, is described. */
  url?: string;
  /** The package and version it was read from. */
  package: string;
  /** The licence itself, if it must go with copies. */
  text?: string;
}
