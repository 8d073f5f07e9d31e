import { quote, UserError } from "@sdgan/core";
import { CsvError, parse as parseCsv } from "csv-parse/sync";
import { z } from "zod";
import { type DataFolder, insidePath } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { splitByHash, splitByName } from "./split.js";

/** Paths of Hugging Face's lists: in the folder itself, or in its split folders. */
export function findMetadata(data: DataFolder): string[] {
  const splits = data
    .list()
    .filter(({ name, isFolder }) => isFolder && splitByName([name]))
    .map(({ name }) => `${name}/`);
  return ["", ...splits].flatMap((place) => {
    const lists = LISTS.map((list) => place + list).filter((list) => data.hasFile(list));
    if (lists.length > 1)
      throw new UserError(`${data.path}: has ${lists.join(" and ")}. Keep one of them.`, {
        code: "data.invalid",
      });
    return lists;
  });
}

const LISTS = ["metadata.jsonl", "metadata.csv"];

/**
 * Reads Hugging Face's image folder: rows with `file_name`, a path relative to the list's folder, and `text`.
 * An image may have several rows with one caption each; in JSON, `text` may be a list. `caption` and
 * `captions` are read like `text`, and `label` is the image's class, if present. Folders named train, test or
 * validation (or val, valid, dev) are the splits; other images are assigned by the hash of their path, one in
 * ten to `test`.
 * Throws a `UserError` that names a broken line.
 */
export function readMetadata(data: DataFolder, lists: string[], remarks: Remarks): Entry[] {
  const images = new Map<string, MetadataRow>();
  for (const list of lists) {
    const place = list.slice(0, list.lastIndexOf("/") + 1);
    const { rows, example } = list.endsWith(".csv") ? readCsv(data, list) : readJsonl(data, list);
    for (const { line, content } of rows) {
      const row = parseRow(content);
      if (typeof row === "string") {
        throw new UserError(
          `${data.at(list)}:${line}: ${row}; expected file_name and text, such as ${example}`,
          { code: "data.invalid" },
        );
      }
      const known = images.get(place + row.image);
      if (known) known.captions.push(...row.captions);
      else images.set(place + row.image, row);
    }
  }
  if (images.size === 0)
    throw new UserError(`${data.at(lists[0]!)}: lists no image`, { code: "data.invalid" });
  return [...images].map(([image, { captions, label }]) => {
    const found = { captions: captions.map((text) => ({ text })) };
    return {
      id: image,
      split: splitByName(image.split("/").slice(0, -1)) ?? splitByHash(image),
      className: label ?? image,
      captions: () => found,
      stamp: () => data.stamp(image),
      read: () => data.read(image),
    };
  });
}

interface MetadataRow {
  image: string;
  captions: string[];
  label: string | undefined;
}

const texts = z.union([z.string(), z.array(z.string())]).optional();
const rowSchema = z.object({
  file_name: z.string().min(1),
  ...{ text: texts, caption: texts, captions: texts },
  label: z.union([z.string(), z.number(), z.null()]).optional(),
});

/** The row, or the reason why it is invalid. */
function parseRow(content: unknown): MetadataRow | string {
  const parsed = rowSchema.safeParse(content);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return path.length > 0 ? `"${path.join(".")}": ${message}` : message;
  }
  const { file_name: name, text, caption, captions, label } = parsed.data;
  const image = insidePath(name);
  if (image === undefined) return `${quote(name)} is not a path inside the folder`;
  const found = text ?? caption ?? captions;
  if (found === undefined) return 'has no "text"';
  return {
    image,
    captions: [found].flat(),
    label: label === null || label === undefined || label === "" ? undefined : String(label),
  };
}

interface Rows {
  rows: { line: number; content: unknown }[];
  /** A valid line, for messages. */
  example: string;
}

function readJsonl(data: DataFolder, list: string): Rows {
  const example = '{"file_name": "1.png", "text": "a red bird"}';
  const rows = [];
  for (const [index, text] of data.readTextList(list).split("\n").entries()) {
    if (text.trim() === "") continue;
    try {
      rows.push({ line: index + 1, content: JSON.parse(text) });
    } catch {
      throw new UserError(
        `${data.at(list)}:${index + 1}: not JSON: ${quote(text.trim())}; expected ${example}`,
        { code: "data.invalid" },
      );
    }
  }
  return { rows, example };
}

function readCsv(data: DataFolder, list: string): Rows {
  try {
    const records = parseCsv<{ record: unknown; info: { lines: number } }>(data.readList(list), {
      ...{ columns: true, info: true, bom: true, skip_empty_lines: true, max_record_size: ROW_CHARACTERS },
    });
    const rows = records.map(({ record, info }) => ({ line: info.lines, content: record }));
    return { rows, example: 'file_name,text and then 1.png,"a red bird" on a line' };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${data.at(list)}: is not CSV: ${error.message.replace(/\s+/g, " ")}`, {
      code: "data.invalid",
    });
  }
}

/** Limits the size of a row, so that an unclosed quotation mark does not consume a large file. */
const ROW_CHARACTERS = 2 ** 20;
