import type { Split } from "../dataset.js";
import { nameHash } from "../name-hash.js";

/** Assigns one in ten usable images to `test`, by the hash of the path: the same ones on every machine. */
export function splitByHash(path: string): Split {
  return nameHash(path) % 10 === 0 ? "test" : "train";
}

/**
 * The split named by the first of `folders` whose name is a split's, including the usual synonyms, such as
 * "validation" and "dev". Undefined if no folder is named like a split.
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
  ["testing", "test"],
  ["val", "val"],
  ["valid", "val"],
  ["validation", "val"],
  ["dev", "val"],
]);
