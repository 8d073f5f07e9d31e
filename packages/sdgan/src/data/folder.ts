import { readFileSync, statSync } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { isAbsolute, join, posix, sep } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { quote } from "../text/quote.js";
import type { Example, Source, Split } from "./dataset.js";

/**
 * Anybody's pictures: a folder with `captions.jsonl`, one JSON object a line:
 *
 *     {"image": "images/1.png", "captions": ["a red bird", "red all over"], "split": "train", "class": "robin"}
 *
 * `image` is a path inside the folder to a picture that sharp reads (PNG, JPEG, WebP, …); `captions` is one or
 * more sentences (or `caption`, one). `split` may be left out: then every tenth picture, chosen by the hash of
 * its path, is for testing. Without `class` a picture is a class of its own.
 * Throws a `UserError` when the folder or a line of its `captions.jsonl` is not so.
 */
export function folder(path: string): Source {
  const pictures = parse(join(path, LIST), readList(path));
  const classes = [...new Set(pictures.map(({ className }) => className))];
  const classIds = new Map(classes.map((name, id) => [name, id]));
  return {
    name: "folder",
    classes,
    async *examples() {
      for (const { image, split, captions, className } of pictures) {
        const example: Example = {
          id: image,
          split,
          classId: classIds.get(className)!,
          captions: captions.map((text) => ({ text })),
          read: () => readPicture(path, image),
        };
        yield example;
      }
    },
  };
}

const LIST = "captions.jsonl";
const EXAMPLE = '{"image": "images/1.png", "captions": ["a red bird"]}';

interface Picture {
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
    split: z.enum(["train", "test"]).optional(),
    class: z.union([z.string(), z.number()]).optional(),
  })
  .refine((line) => line.captions !== undefined || line.caption !== undefined, {
    error: 'neither "captions" nor "caption"',
  });

function readList(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${path}: no such folder. Give a folder with pictures and a ${LIST} beside them.`);
  }
  try {
    return readFileSync(join(path, LIST), "utf8");
  } catch (error) {
    throw new UserError(
      `${join(path, LIST)}: cannot be read (${(error as Error).message}). ` +
        `Write it, one line a picture, such as ${EXAMPLE}.`,
    );
  }
}

function parse(file: string, text: string): Picture[] {
  const pictures: Picture[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of text
    .replace(/^\ufeff/, "")
    .split("\n")
    .entries()) {
    if (line.trim() === "") continue;
    const refuse = (problem: string): never => {
      throw new UserError(`${file}:${index + 1}: ${problem}; expected a line such as ${EXAMPLE}`);
    };
    const picture = parseLine(line, refuse);
    const earlier = lineOf.get(picture.image);
    if (earlier !== undefined) {
      refuse(
        `${quote(picture.image)} stands on line ${earlier} already: one line must have all its captions`,
      );
    }
    lineOf.set(picture.image, index + 1);
    pictures.push(picture);
  }
  if (pictures.length === 0) {
    throw new UserError(`${file}: lists no picture; expected lines such as ${EXAMPLE}`);
  }
  return pictures;
}

function parseLine(line: string, refuse: (problem: string) => never): Picture {
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
  const image = posix.normalize(parsed.data.image);
  // A backslash parts folders on Windows: refused there and here alike, so that a data set is good everywhere.
  if (
    isAbsolute(image) ||
    /^[A-Za-z]:/.test(image) ||
    /[\\\0]/.test(image) ||
    image.split("/").includes("..")
  ) {
    return refuse(`the image ${quote(parsed.data.image)} is not a path inside the folder`);
  }
  return {
    image,
    split: split ?? (hash(image) % 10 === 0 ? "test" : "train"),
    captions: caption === undefined ? captions : [caption, ...captions],
    className: className === undefined ? image : String(className),
  };
}

async function readPicture(folder: string, image: string): Promise<Buffer> {
  const file = join(folder, image);
  try {
    const [root, target] = await Promise.all([realpath(folder), realpath(file)]);
    if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new UserError(`${file}: is a link that leaves the folder`);
    }
    return await readFile(target);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
}

/** FNV-1a with a final mix (MurmurHash3's), of the text's UTF-8 bytes: the same split on every machine. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
