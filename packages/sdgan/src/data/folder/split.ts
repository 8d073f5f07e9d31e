import type { Split } from "../dataset.js";
import { nameHash } from "../name-hash.js";

/** Every tenth image, chosen by the hash of its path, is to test on: the same ones on every machine. */
export function splitByHash(path: string): Split {
  return nameHash(path) % 10 === 0 ? "test" : "train";
}

/**
 * As the first folder in `path` says whose name is a split's, in Hugging Face's, WebDataset's and other people's words
 * for it. Undefined where no folder is named so.
 */
export function splitByName(folders: string[]): Split | undefined {
  for (const folder of folders) {
    const split = NAMES.get(folder.toLowerCase());
    if (split) return split;
  }
  return undefined;
}

const NAMES = new Map<string, Split>([
  ["train", "train"],
  ["training", "train"],
  ["test", "test"],
  ["val", "val"],
  ["valid", "val"],
  ["validation", "val"],
  ["dev", "val"],
]);
