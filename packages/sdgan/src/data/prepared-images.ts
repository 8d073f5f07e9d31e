import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { FILES, imageSchema, type PreparedImage } from "./format.js";

/** Expected properties of a list of images. */
export interface ImagesOptions {
  count: number;
  /** SHA-256 of the whole file. */
  sha256: string;
  /** Size of the vocabulary: all tokens must be below it. */
  words: number;
  /** Number of classes: all class ids must be below it. */
  classes: number;
}

/**
 * The images of a split, in the order of their pixels. The file is kept in memory as bytes, and an image is
 * parsed each time that it is requested: so a hundred thousand images load at once and need little memory.
 */
export class PreparedImages implements Iterable<PreparedImage> {
  readonly length: number;
  readonly #file: string;
  readonly #bytes: Buffer;
  /** Offsets of the lines; the last one is the end of the file. */
  readonly #begins: Float64Array;
  readonly #options: ImagesOptions;

  /** Throws a `UserError` that names `file` when it cannot be read or is not what `prepare` wrote. */
  constructor(file: string, options: ImagesOptions) {
    this.#file = file;
    this.#options = options;
    this.length = options.count;
    this.#bytes = readChecked(file, options.sha256);
    this.#begins = new Float64Array(options.count + 1);
    let lines = 0;
    for (let at = this.#bytes.indexOf(10); at >= 0; at = this.#bytes.indexOf(10, at + 1))
      this.#begins[++lines] = at + 1;
    if (lines !== options.count) {
      throw new UserError(
        `${file}: lists ${lines} images; expected ${options.count}, as in ${FILES.index}. ${REMEDY}`,
        { code: "data.invalid" },
      );
    }
  }

  /** Throws a `RangeError` if there is no image `index`, a `UserError` with file and line if it is broken. */
  at(index: number): PreparedImage {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length))
      throw new RangeError(`no image ${index}: the split has ${this.length} images`);
    const line = this.#bytes.toString("utf8", this.#begins[index], this.#begins[index + 1]);
    return this.#checked(line, `${this.#file}:${index + 1}`);
  }

  *[Symbol.iterator](): Generator<PreparedImage> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /** Parses a line. Tokens and classes must be in range, because they are used as indices later. */
  #checked(line: string, place: string): PreparedImage {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {}
    const { data: image, error } = imageSchema.safeParse(json);
    if (!image) {
      const { path, message } = error!.issues[0]!;
      throw new UserError(`${place}: is broken (${[...path, message].join(": ")}). ${REMEDY}`, {
        code: "data.invalid",
      });
    }
    const { id, classId, captions } = image;
    const { words, classes } = this.#options;
    if (classId >= classes)
      throw new UserError(`${place}: ${id} has class ${classId}; expected less than ${classes}. ${REMEDY}`, {
        code: "data.invalid",
      });
    if (captions.some(({ tokens }) => tokens.some((token) => token >= words))) {
      throw new UserError(
        `${place}: ${id} has a word that is not among the ${words} of ${FILES.vocabulary}. ${REMEDY}`,
        {
          code: "data.invalid",
        },
      );
    }
    return image;
  }
}

/** The content of a file. Throws a `UserError` when it cannot be read or its SHA-256 is different. */
export function readChecked(file: string, sha256: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}). ${REMEDY}`, {
      code: "data.invalid",
    });
  }
  if (createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
  throw new UserError(`${file}: has changed since it was written: its checksum is different. ${REMEDY}`, {
    code: "data.invalid",
  });
}

const REMEDY = "Prepare the data again.";
