import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { ListFormat } from "./columns.js";
import type { Entry } from "./entry.js";
import { readLists } from "./listed-images.js";

/**
 * Reads the project's own list, `captions.jsonl`, with one JSON object per line:
 *
 *     {"image": "images/1.png", "captions": ["a red bird", "red all over"], "split": "train", "class": "robin"}
 *
 * `image` is a path inside the folder; `captions` is one or more sentences, and `caption` is read like it.
 * `split` is train, val (or valid, validation, dev) or test; without it, the hash of the path decides, and
 * one in ten is a test image. Without `class` an image is a class of its own. Throws a `UserError` that names
 * an invalid line. See `readLists` for what is reported.
 */
export function readCaptionsJsonl(data: DataFolder, list: string, remarks: Remarks): Entry[] {
  return readLists(data, [list], remarks, { format: FORMAT });
}

export const CAPTIONS_JSONL = "captions.jsonl";
export const EXAMPLE = '{"image": "images/1.png", "captions": ["a red bird"]}';

const FORMAT: ListFormat = {
  image: "image",
  captions: [["caption", "captions"], ["text"]],
  expected: `expected a line such as ${EXAMPLE}`,
};
