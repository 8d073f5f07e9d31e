import { quote, UserError } from "@sdgan/core";
import { type DataFolder, insidePath } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Columns, ListRow } from "./columns.js";
import { imageFolder } from "./image-folder.js";
import { readListText } from "./list-text.js";
import { parseRows } from "./parse-rows.js";

/** A row of a list with its image's path in the folder. */
export interface PlacedRow {
  row: ListRow;
  image: string;
  /** The list and the row's place in it, such as "metadata.csv:4". */
  where: string;
  /** The image is at a web address, and `image` is the address. */
  isAddress: boolean;
}

export interface PlacedRows {
  rows: PlacedRow[];
  /** Whether equal rows are captions of their own. */
  numbered: boolean;
}

/**
 * The rows of a list that are not empty. Their images' paths are inside the folder. Empty rows and what was
 * read in an unusual way are reported to `remarks`. Throws a `UserError` that names a broken line.
 */
export function placedRows(data: DataFolder, list: string, columns: Columns, remarks: Remarks): PlacedRows {
  const refuse = (problem: string, line?: number): never => {
    throw brokenRow(data, line === undefined ? list : `${list}:${line}`, problem, columns);
  };
  const note = (text: string) => remarks.note(list, text);
  const {
    rows,
    separator,
    numbered = false,
  } = parseRows(list, readListText(data, list, remarks), { refuse, note });
  const placed: PlacedRow[] = [];
  for (const { line, content } of rows) {
    const where = `${list}${separator}${line}`;
    const row = columns.row(content);
    if (typeof row === "string") throw brokenRow(data, where, row, columns);
    if (row === undefined) {
      remarks.unused(where, "is empty", "row");
      continue;
    }
    const isAddress = ADDRESS.test(row.image);
    const slashed = isAddress ? row.image : row.image.replaceAll("\\", "/");
    if (slashed !== row.image) note("has paths with backslashes, which were read as slashes");
    const image = isAddress ? slashed : insidePath(slashed);
    if (image === undefined) {
      const problem = `${quote(row.image)} is not a path inside the folder: write it relative to the list`;
      throw brokenRow(data, where, problem, columns);
    }
    placed.push({ row, image, where, isAddress });
  }
  const paths = placed.filter(({ isAddress }) => !isAddress);
  const place = imageFolder(data, list, paths.map(({ image }) => image), remarks); // biome-ignore format: short
  if (place !== "") for (const row of paths) row.image = place + row.image;
  return { rows: placed, numbered };
}

const ADDRESS = /^[a-z][a-z\d+.-]+:\/\//i;

/** The error for a list, or for a row of it. */
export function brokenRow(data: DataFolder, where: string, problem: string, columns: Columns): UserError {
  return new UserError(`${data.at(where)}: ${problem}; ${columns.expected}`, { code: "data.invalid" });
}
