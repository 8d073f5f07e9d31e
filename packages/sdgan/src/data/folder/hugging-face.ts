import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { ListFormat } from "./columns.js";
import type { Entry } from "./entry.js";
import { findLists, splitFolders } from "./find-lists.js";
import { readLists } from "./listed-images.js";

/** Paths of Hugging Face's lists: in the folder itself, or in its split folders. */
export function findMetadata(data: DataFolder): string[] {
  return findLists(data, ["", ...splitFolders(data)], ["metadata.jsonl", "metadata.csv"]);
}

/**
 * Reads Hugging Face's image folder: rows with `file_name`, a path relative to the list's folder, and `text`.
 * An image may have several rows with one caption each; in JSON, `text` may be a list. `caption` or
 * `captions` are read where there is no `text`; `label` is the image's class and `split` its split, if
 * present. Folders named train, test or validation (or val, valid, dev) are splits too; other images are
 * assigned by the hash of their path, one in ten to `test`.
 * Throws a `UserError` that names a broken line. See `readLists` for what is reported.
 */
export function readMetadata(data: DataFolder, lists: string[], remarks: Remarks): Entry[] {
  return readLists(data, lists, remarks, { format: lists[0]!.toLowerCase().endsWith(".csv") ? CSV : JSONL });
}

const COLUMNS = { image: "file_name", captions: [["text"], ["caption"], ["captions"]] };

const JSONL: ListFormat = {
  ...COLUMNS,
  expected: 'expected file_name and text, such as {"file_name": "1.png", "text": "a red bird"}',
};

const CSV: ListFormat = {
  ...COLUMNS,
  expected: 'expected file_name and text, such as file_name,text and then 1.png,"a red bird" on a line',
};
