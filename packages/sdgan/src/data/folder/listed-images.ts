import { quote, UserError } from "@sdgan/core";
import { type DataFolder, insidePath } from "../data-folder.js";
import type { Split } from "../dataset.js";
import type { Remarks } from "../remarks.js";
import { Columns, type ListFormat, type ListRow } from "./columns.js";
import type { Entry } from "./entry.js";
import { imageFolder } from "./image-folder.js";
import { readListText } from "./list-text.js";
import { parseRows } from "./parse-rows.js";
import { splitByHash, splitByName } from "./split.js";
import { remarkUnlisted } from "./unlisted.js";

export interface ReadListsOptions {
  format: ListFormat;
  /** Splits of images from other lists, by the images' names as in the rows; others are then not used. */
  splits?: ReadonlyMap<string, Split>;
  /** Other files that are read. */
  alsoRead?: string[];
}

/**
 * Reads the images that lists name. Paths are relative to the list's folder, or to a folder in it that has
 * the images. An image may have several rows; its captions are those of all rows, in their order. Its split
 * is that of the column `split`, or of the folders in its path that are named like a split, or by the hash of
 * its path, one in ten to `test`. Without a class it is a class of its own.
 * Rows without a text, repeated rows, columns that are not read and files that no row names are reported to
 * `remarks`. Throws a `UserError` that names a broken line, or says why no row has a text.
 */
export function readLists(
  data: DataFolder,
  lists: string[],
  remarks: Remarks,
  options: ReadListsOptions,
): Entry[] {
  const images = new Map<string, ListedImage>();
  let rowCount = 0;
  let problem = "";
  for (const list of lists) {
    const columns = new Columns(options.format);
    const rows = rowsOf(data, list, columns, remarks, options);
    rowCount += rows.length;
    addRows(images, rows, remarks);
    for (const { name, instead } of columns.unread) {
      const reason = instead === undefined ? "is none of the columns that are read" : `"${instead}" is read`;
      remarks.unused(`${list}: ${name}`, reason, "column");
    }
    problem ||= columns.noTexts;
  }
  if (images.size === 0) {
    const why = rowCount === 0 ? "lists no image" : problem;
    throw new UserError(`${data.at(lists[0]!)}: ${why}; ${options.format.expected}`, {
      code: "data.invalid",
    });
  }
  remarkUnlisted(data, [...lists, ...(options.alsoRead ?? [])], images, remarks);
  return [...images].map(([image, { captions, split, className, isAddress }]): Entry => {
    const found = {
      captions: captions.map((text) => ({ text })),
      ...(isAddress && { broken: "is a web address: download the image, and give its path in the folder" }),
    };
    return {
      id: image,
      split: split ?? splitByName(image.split("/").slice(0, -1)) ?? splitByHash(image),
      className: className ?? image,
      captions: () => found,
      stamp: () => data.stamp(image),
      read: () => data.read(image),
    };
  });
}

interface ListedImage {
  captions: string[];
  /** The same, once it has a second row. */
  known?: Set<string>;
  split: Split | undefined;
  className: string | undefined;
  isAddress: boolean;
}

/** A row with a text, and its image's path in the folder. */
interface PlacedRow extends ListRow {
  where: string;
  /** Equal rows are captions of their own. */
  numbered: boolean;
  isAddress: boolean;
  refuse(problem: string): never;
}

/** The rows that have a text. Their images' paths are inside the folder. */
function rowsOf(
  data: DataFolder,
  list: string,
  columns: Columns,
  remarks: Remarks,
  { format, splits }: ReadListsOptions,
): PlacedRow[] {
  const refuse = (problem: string, place = ""): never => {
    throw new UserError(`${data.at(list)}${place}: ${problem}; ${format.expected}`, { code: "data.invalid" });
  };
  const { rows, separator, numbered } = parseRows(list, readListText(data, list, remarks), {
    refuse: (problem, line) => refuse(problem, line === undefined ? "" : `:${line}`),
    note: (text) => remarks.note(list, text),
  });
  const found: PlacedRow[] = [];
  for (const { line, content } of rows) {
    const at = `${separator}${line}`;
    const row = columns.row(content);
    if (typeof row === "string") return refuse(row, at);
    const where = list + at;
    const unused = row && splits?.has(row.image) === false ? "is of no split list" : whyUnused(row);
    if (unused !== undefined) remarks.unused(where, unused, "row");
    if (row === undefined || unused !== undefined) continue;
    if (row.strangeClass) remarks.unused(where, "is neither a text nor a number", "class");
    const isAddress = /^[a-z][a-z\d+.-]+:\/\//i.test(row.image);
    const slashed = isAddress ? row.image : row.image.replaceAll("\\", "/");
    if (slashed !== row.image) remarks.note(list, "has paths with backslashes, which were read as slashes");
    const image = isAddress ? slashed : insidePath(slashed);
    if (image === undefined) return refuse(`${quote(row.image)} is not a path inside the folder`, at);
    found.push({
      ...{ ...row, image, split: row.split ?? splits?.get(row.image), where, isAddress },
      ...{ numbered: numbered === true, refuse: (problem) => refuse(problem, at) },
    });
  }
  const place = imageFolder(
    data,
    list,
    found.filter(({ isAddress }) => !isAddress).map(({ image }) => image),
    remarks,
  );
  for (const row of found) if (!row.isAddress) row.image = place + row.image;
  return found;
}

function whyUnused(row: ListRow | undefined): string | undefined {
  if (row === undefined) return "is empty";
  return row.captions.length === 0 ? "has no text" : undefined;
}

function addRows(images: Map<string, ListedImage>, rows: PlacedRow[], remarks: Remarks): void {
  for (const { image, captions, split, className, isAddress, where, numbered, refuse } of rows) {
    const earlier = images.get(image);
    if (earlier === undefined) {
      images.set(image, { captions: [...captions], split, className, isAddress });
      continue;
    }
    if (split !== undefined && earlier.split !== undefined && split !== earlier.split)
      refuse(
        `${quote(image)} has the split ${split} here and ${earlier.split} in an earlier row. Give it one split`,
      );
    earlier.split ??= split;
    if (className !== undefined && earlier.className !== undefined && className !== earlier.className)
      remarks.unused(where, "is another one than in an earlier row of the image, which is read", "class");
    earlier.className ??= className;
    earlier.known ??= new Set(earlier.captions);
    if (!numbered && captions.every((text) => earlier.known!.has(text))) {
      remarks.unused(where, "repeats an earlier row", "row");
      continue;
    }
    for (const text of captions) {
      earlier.captions.push(text);
      earlier.known.add(text);
    }
  }
}
