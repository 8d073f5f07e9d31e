import { quote } from "@sdgan/core";
import type { Split } from "../dataset.js";
import { splitByName } from "./split.js";

/** How a kind of list names its columns. */
export interface ListFormat {
  /** The name of the column of images, as documented. Other usual names are read too. */
  image: string;
  /**
   * Names of columns of captions. The captions of an image are those of the first group that has any; the
   * columns of a group are read together.
   */
  captions: readonly (readonly string[])[];
  /** What is expected, for the end of messages. */
  expected: string;
}

/** A row whose columns are known. Its path is not yet checked. */
export interface ListRow {
  image: string;
  /** Empty if the row has no text. */
  captions: string[];
  split: Split | undefined;
  className: string | undefined;
  /** A class that is neither a text nor a number. */
  strangeClass?: boolean;
}

const IMAGES = [
  "file_name",
  "filename",
  "image",
  "image_name",
  "image_file",
  "image_path",
  "img",
  "file",
].concat(
  ["path", "file_path", "filepath"], // biome-ignore format: short
);
const CAPTIONS = ["text", "caption", "captions"];
const CLASSES = ["class", "label"];

export function isImageColumn(name: string): boolean {
  return IMAGES.includes(normalized(name));
}

export function isCaptionColumn(name: string): boolean {
  return CAPTIONS.includes(normalized(name));
}

/** Finds images, captions, splits and classes in the rows of a list, and which columns are not read. */
export class Columns {
  readonly #format: ListFormat;
  readonly #images: string[];
  /** Normalized names, by the names as written. */
  readonly #names = new Map<string, string>();
  /** Columns that have a value in any row, by their normalized names, as written. */
  readonly #seen = new Map<string, string>();
  readonly #read = new Set<string>();

  constructor(format: ListFormat) {
    this.#format = format;
    this.#images = [format.image, ...IMAGES];
  }

  /** What is expected, for the end of messages. */
  get expected(): string {
    return this.#format.expected;
  }

  /** The row; undefined if it is empty; or what is wrong with it. */
  row(content: unknown): ListRow | string | undefined {
    if (typeof content !== "object" || content === null || Array.isArray(content))
      return `expected object, found ${shown(content)}`;
    const fields = this.#fieldsOf(content);
    if (fields.size === 0) return undefined;
    const image = this.#first(fields, this.#images);
    if (image === undefined) return this.#noImage(fields);
    if (typeof image.value !== "string")
      return `"${image.name}": expected a text, found ${shown(image.value)}`;
    const captions = this.#captionsOf(fields);
    if (typeof captions === "string") return captions;
    const split = this.#first(fields, ["split"])?.value;
    const splitName = split === undefined ? undefined : splitByName([String(split).trim()]);
    if (split !== undefined && splitName === undefined)
      return `"split": ${shown(split)} is none of train (or training), val (or valid, validation, dev) and test (or testing): write one of these, or leave it empty`;
    const label = this.#first(fields, CLASSES)?.value;
    const isClass = ["string", "number", "boolean"].includes(typeof label);
    return {
      ...{ image: image.value, captions, split: splitName, className: isClass ? String(label) : undefined },
      ...(label !== undefined && !isClass && { strangeClass: true }),
    };
  }

  /** Columns that have values but are not read: with the column that is read instead, if there is one. */
  get unread(): { name: string; instead?: string }[] {
    const roles = [this.#images, this.#format.captions.flat(), CLASSES];
    return [...this.#seen]
      .filter(([name]) => !this.#read.has(name))
      .map(([name, written]) => {
        const instead = roles.find((role) => role.includes(name))?.find((other) => this.#read.has(other));
        return { name: written, ...(instead !== undefined && { instead }) };
      });
  }

  /** Why no row has a text, if so. */
  get noTexts(): string {
    const known = this.#format.captions.flat();
    if (known.some((name) => this.#seen.has(name))) return "no row has a text";
    const others = [...this.#seen.keys()].filter((name) => !this.#read.has(name));
    const named = this.#format.captions[0]![0]!;
    if (others.length === 0) return `no row has a text: the column "${named}" is missing or empty`;
    return `no column is named ${known.join(" or ")}. Rename the column of the captions to "${named}": the others are ${list(this.#seen, others)}`;
  }

  /** Columns with a value, by normalized names. */
  #fieldsOf(content: object): Map<string, unknown> {
    const fields = new Map<string, unknown>();
    for (const [written, value] of Object.entries(content)) {
      if (isEmpty(value)) continue;
      let name = this.#names.get(written);
      if (name === undefined) {
        name = normalized(written);
        if (this.#names.size < MAX_NAMES) this.#names.set(written, name);
      }
      if (fields.has(name)) continue;
      fields.set(name, value);
      if (!this.#seen.has(name) && this.#seen.size < MAX_NAMES) this.#seen.set(name, written);
    }
    return fields;
  }

  #first(
    fields: Map<string, unknown>,
    names: readonly string[],
  ): { name: string; value: unknown } | undefined {
    const name = names.find((name) => fields.has(name));
    if (name === undefined) return undefined;
    this.#read.add(name);
    return { name, value: fields.get(name) };
  }

  /** The captions, or what is wrong with them. */
  #captionsOf(fields: Map<string, unknown>): string[] | string {
    for (const group of this.#format.captions) {
      const captions: string[] = [];
      for (const name of group) {
        if (!fields.has(name)) continue;
        this.#read.add(name);
        const texts = textsOf(name, fields.get(name));
        if (typeof texts === "string") return texts;
        captions.push(...texts);
      }
      if (captions.some((text) => !isEmpty(text))) return captions;
    }
    return [];
  }

  #noImage(fields: Map<string, unknown>): string {
    const names = list(this.#seen, [...fields.keys()]);
    return `"${this.#format.image}": is missing or empty; the row has ${names}`;
  }
}

/** Limits what is kept of a hostile list. */
const MAX_NAMES = 10_000;

function normalized(name: string): string {
  return name
    .replace(/^\ufeff/, "")
    .trim()
    .toLowerCase()
    .replace(/[ -]/g, "_");
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

/** The texts; "" for null, so that `prepare` counts it as an empty caption; or what is wrong. */
function textsOf(name: string, value: unknown): string[] | string {
  if (typeof value === "string") return [MISSING.has(value.trim()) ? "" : value];
  if (!Array.isArray(value)) return `"${name}": expected a text or a list of texts, found ${shown(value)}`;
  const wrong = value.findIndex((text) => text !== null && typeof text !== "string");
  if (wrong >= 0) return `"${name}.${wrong}": expected a text, found ${shown(value[wrong])}`;
  return value.map((text: string | null) => (text === null || MISSING.has(text.trim()) ? "" : text));
}

/** How programs write that there is no text; pandas reads these as missing values too. */
const MISSING = new Set(["NULL", "null", "None", "NaN", "nan", "N/A", "n/a", "NA", "#N/A", "<NA>"]);

/** A value for messages. Objects are not written out: they may be deep. */
function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function list(written: ReadonlyMap<string, string>, names: string[]): string {
  const first = names.slice(0, 8).map((name) => quote(written.get(name) ?? name, 30));
  return first.join(", ") + (names.length > 8 ? ", …" : "");
}
