import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { FILES, imageSchema, type PreparedImage } from "./format.js";

/** What a list of images must agree with. */
export interface ImagesOptions {
  count: number;
  /** Of the whole file. */
  sha256: string;
  /** Tokens are below this. */
  words: number;
  /** Class ids are below this. */
  classes: number;
}

/**
 * The images of a split, in the order of their pixels. The file stays in memory as it is, and an image becomes an
 * object each time that it is asked for: so a hundred thousand are there at once, and take little room.
 */
export class PreparedImages implements Iterable<PreparedImage> {
  readonly length: number;
  readonly #file: string;
  readonly #bytes: Buffer;
  /** Where lines begin; the last one is where the file ends. */
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
        `${file}: lists ${lines} images, and ${FILES.index} says ${options.count}. ${AGAIN}`,
        { code: "data.invalid" },
      );
    }
  }

  /** Throws a `RangeError` where there is no such image, a `UserError` that names the file when it is broken. */
  at(index: number): PreparedImage {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length))
      throw new RangeError(`image ${index} of ${this.length}`);
    const line = this.#bytes.toString("utf8", this.#begins[index], this.#begins[index + 1]);
    return this.#checked(line, `${this.#file}:${index + 1}`);
  }

  *[Symbol.iterator](): Generator<PreparedImage> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /** Tokens and classes must be there: a model would end in an index out of range otherwise. */
  #checked(line: string, place: string): PreparedImage {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {}
    const { data: image, error } = imageSchema.safeParse(json);
    if (!image) {
      const { path, message } = error!.issues[0]!;
      throw new UserError(`${place}: is broken (${[...path, message].join(": ")}). ${AGAIN}`, {
        code: "data.invalid",
      });
    }
    const { id, classId, captions } = image;
    const { words, classes } = this.#options;
    if (classId >= classes)
      throw new UserError(`${place}: ${id} is of class ${classId} of ${classes}. ${AGAIN}`, {
        code: "data.invalid",
      });
    if (captions.some(({ tokens }) => tokens.some((token) => token >= words))) {
      throw new UserError(`${place}: ${id} has a word beyond the ${words} of ${FILES.vocabulary}. ${AGAIN}`, {
        code: "data.invalid",
      });
    }
    return image;
  }
}

/** All of a file, which must have this SHA-256. Throws a `UserError` that names it. */
export function readChecked(file: string, sha256: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}). ${AGAIN}`, {
      code: "data.invalid",
    });
  }
  if (createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
  throw new UserError(`${file}: is not what was written there: its checksum is another. ${AGAIN}`, {
    code: "data.invalid",
  });
}

const AGAIN = "Prepare the data again.";
