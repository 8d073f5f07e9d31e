import { quote, UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import type { Split } from "../dataset.js";
import type { Remarks } from "../remarks.js";
import { Columns, type ListFormat } from "./columns.js";
import type { Entry } from "./entry.js";
import { brokenRow, type PlacedRows, placedRows } from "./placed-rows.js";
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
  const named = new Set<string>();
  let rowCount = 0;
  let problem = "";
  for (const list of lists) {
    const columns = new Columns(options.format);
    const refuse = (where: string, problem: string): never => {
      throw brokenRow(data, where, problem, columns);
    };
    const placed = placedRows(data, list, columns, remarks);
    rowCount += placed.rows.length;
    addRows(images, placed, named, { remarks, splits: options.splits, refuse });
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
  remarkUnlisted(data, [...lists, ...(options.alsoRead ?? [])], named, remarks);
  return [...images].map(([image, { captions, split, className, isAddress }]): Entry => {
    const found = {
      captions: captions.map((text) => ({ text })),
      ...(isAddress && { broken: "is a web address: download the image, and give its path in the folder" }),
    };
    return {
      id: image,
      split:
        split ?? splitByName(image.split("/").slice(0, -1)) ?? (isAddress ? "train" : splitByHash(image)),
      className: className ?? image,
      ...(isAddress && { unusable: true as const }),
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

/** Adds a list's rows to `images`, and the paths of all of its images to `named`. */
function addRows(
  images: Map<string, ListedImage>,
  { rows, numbered }: PlacedRows,
  named: Set<string>,
  { remarks, splits, refuse }: AddOptions,
): void {
  for (const { row, image, where, isAddress } of rows) {
    const { captions, className } = row;
    const split = row.split ?? splits?.get(row.image);
    named.add(image);
    if (splits !== undefined && split === undefined) {
      remarks.unused(where, "is in none of the split lists", "row");
      continue;
    }
    if (captions.length === 0) {
      remarks.unused(where, "has no text", "row");
      continue;
    }
    if (row.strangeClass) remarks.unused(where, "is neither a text nor a number", "class");
    const earlier = images.get(image);
    if (earlier === undefined) {
      images.set(image, { captions: [...captions], split, className, isAddress });
      continue;
    }
    if (split !== undefined && earlier.split !== undefined && split !== earlier.split)
      refuse(
        where,
        `${quote(image)} has the split ${split} here and ${earlier.split} above. Give it one split`,
      );
    if (className !== undefined && earlier.className !== undefined && className !== earlier.className)
      remarks.unused(where, "is another one than in an earlier row of the image, which is read", "class");
    earlier.split ??= split;
    earlier.className ??= className;
    earlier.known ??= new Set(earlier.captions);
    const { known } = earlier;
    if (!numbered && captions.every((text) => known.has(text))) {
      remarks.unused(where, "repeats an earlier row", "row");
      continue;
    }
    for (const text of captions) {
      earlier.captions.push(text);
      known.add(text);
    }
  }
}

interface AddOptions {
  remarks: Remarks;
  splits: ReadonlyMap<string, Split> | undefined;
  refuse(where: string, problem: string): never;
}
