import type { Split } from "../dataset.js";

/** Every tenth image, chosen by the hash of its path, is to test on: the same ones on every machine. */
export function splitByHash(path: string): Split {
  return hash(path) % 10 === 0 ? "test" : "train";
}

/**
 * As the first folder in `path` says whose name is a split's, Hugging Face's and WebDataset's words for it:
 * "validation" is to test on, like "test". Undefined where no folder is named so.
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
  ["val", "test"],
  ["valid", "test"],
  ["validation", "test"],
]);

/** FNV-1a with a final mix (MurmurHash3's), of the text's UTF-8 bytes. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
