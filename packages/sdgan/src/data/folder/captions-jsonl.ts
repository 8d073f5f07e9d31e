import { quote, UserError } from "@sdgan/core";
import { z } from "zod";
import { type DataFolder, insidePath } from "../data-folder.js";
import type { Split } from "../dataset.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { splitByHash, splitByName } from "./split.js";

/**
 * Reads the project's own list, `captions.jsonl`, with one JSON object per line:
 *
 *     {"image": "images/1.png", "captions": ["a red bird", "red all over"], "split": "train", "class": "robin"}
 *
 * `image` is a path inside the folder; `captions` is one or more sentences (`caption` is a single one).
 * `split` is train, val (or valid, validation, dev) or test; without it, the hash of the path decides, and
 * one in ten is a test image. Without `class` an image is a class of its own. Throws a `UserError` that names
 * an invalid line.
 */
export function readCaptionsJsonl(folder: DataFolder, remarks: Remarks): Entry[] {
  const file = folder.at(CAPTIONS_JSONL);
  const entries: Entry[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of folder.readTextList(CAPTIONS_JSONL).split("\n").entries()) {
    if (line.trim() === "") continue;
    const refuse = (problem: string): never => {
      throw new UserError(`${file}:${index + 1}: ${problem}; expected a line such as ${EXAMPLE}`, {
        code: "data.invalid",
      });
    };
    const { image, split, captions, className } = parseLine(line, refuse);
    const earlier = lineOf.get(image);
    if (earlier !== undefined) {
      refuse(`${quote(image)} is already on line ${earlier}: put all captions of an image on one line`);
    }
    lineOf.set(image, index + 1);
    const found = { captions: captions.map((text) => ({ text })) };
    entries.push({
      id: image,
      split,
      className,
      captions: () => found,
      stamp: () => folder.stamp(image),
      read: () => folder.read(image),
    });
  }
  if (entries.length === 0) {
    throw new UserError(`${file}: lists no image; expected lines such as ${EXAMPLE}`, {
      code: "data.invalid",
    });
  }
  return entries;
}

export const CAPTIONS_JSONL = "captions.jsonl";
export const EXAMPLE = '{"image": "images/1.png", "captions": ["a red bird"]}';

interface CaptionLine {
  image: string;
  split: Split;
  captions: string[];
  className: string;
}

const lineSchema = z
  .object({
    image: z.string().min(1),
    captions: z.array(z.string()).min(1).optional(),
    caption: z.string().optional(),
    split: z.enum(["train", "val", "valid", "validation", "dev", "test"]).optional(),
    class: z.union([z.string(), z.number()]).optional(),
  })
  .refine((line) => line.captions !== undefined || line.caption !== undefined, {
    error: 'neither "captions" nor "caption"',
  });

function parseLine(line: string, refuse: (problem: string) => never): CaptionLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return refuse(`not JSON: ${quote(line.trim())}`);
  }
  const parsed = lineSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return refuse(`${path.length > 0 ? `"${path.join(".")}": ` : ""}${message} in ${quote(line.trim())}`);
  }
  const { captions = [], caption, split, class: className } = parsed.data;
  const image = insidePath(parsed.data.image);
  if (image === undefined)
    return refuse(`the image ${quote(parsed.data.image)} is not a path inside the folder`);
  return {
    image,
    split: (split && splitByName([split])) ?? splitByHash(image),
    captions: caption === undefined ? captions : [caption, ...captions],
    className: className === undefined ? image : String(className),
  };
}
