import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PADDING, Random, tokenizers } from "@sdgan/core";
import type { Split } from "../data/dataset.js";
import { type Pickled, pickle, pickleAsText } from "./pickle.js";

export interface ListedImage {
  /** Its path without extension. */
  name: string;
  split: Split;
  /** If absent, no `class_info.pickle` is written, as for AttnGAN's COCO. */
  classNumber?: number;
  captions: string[];
}

/**
 * For tests: writes AttnGAN's lists of `images` into `folder`. `captions.pickle` has the first `perImage`
 * captions of each image, and numbers the words in random order, like Python 2's dictionaries.
 */
export function writeAttnganLists(folder: string, images: ListedImage[], perImage: number): void {
  const splits = (["train", "test"] as const).map((split) => images.filter((image) => image.split === split));
  for (const [i, split] of ["train", "test"].entries()) {
    mkdirSync(join(folder, split), { recursive: true });
    writeFileSync(join(folder, split, "filenames.pickle"), pickleAsText(splits[i]!.map(({ name }) => name)));
    const classes = splits[i]!.flatMap(({ classNumber }) => classNumber ?? []);
    if (classes.length > 0) writeFileSync(join(folder, split, "class_info.pickle"), pickleAsText(classes));
  }
  const { tokenize } = tokenizers.attngan;
  const words = new Set(images.flatMap(({ captions }) => captions.slice(0, perImage).flatMap(tokenize)));
  const numbered = [PADDING, ...new Random(0, "words").shuffled([...words])];
  const numberOf = new Map(numbered.map((word, number): [string, number] => [word, number]));
  const encoded = splits.map((split) =>
    split.flatMap(({ captions }) =>
      captions
        .slice(0, perImage)
        .map((caption): Pickled => tokenize(caption).map((word) => numberOf.get(word)!)),
    ),
  );
  const wordOf = new Map(numbered.map((word, number): [number, string] => [number, word]));
  writeFileSync(join(folder, "captions.pickle"), pickle([...encoded, wordOf, numberOf]));
}
