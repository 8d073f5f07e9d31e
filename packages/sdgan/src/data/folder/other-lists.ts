import { readSync } from "node:fs";
import { describeImpostor, UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import type { Split } from "../dataset.js";
import { decodeText } from "../decode-text.js";
import type { Remarks } from "../remarks.js";
import { isCaptionColumn, isImageColumn, type ListFormat } from "./columns.js";
import type { Entry } from "./entry.js";
import { findLists, foldersAndFiles, splitFolders } from "./find-lists.js";
import { readListText } from "./list-text.js";
import { readLists } from "./listed-images.js";
import { splitByName } from "./split.js";
import { isTokenList } from "./token-rows.js";

/** Lists that `findOtherLists` found, and the lists of a split beside them. */
export interface OtherLists {
  lists: string[];
  /** Flickr8k's lists of its splits, such as `Flickr_8k.trainImages.txt`. */
  splitLists: string[];
}

/**
 * Finds lists with other usual names, in the folder, in its split folders, or in the only one of its other
 * folders that has one:
 *
 * - `captions.csv`, `captions.tsv` or `metadata.tsv`, with columns as in Hugging Face's `metadata.csv`;
 * - `captions.txt`, the same, as Flickr8k has it with the header `image,caption`;
 * - `captions.json` or `metadata.json`: an array of rows, or an object from file names to captions;
 * - `Flickr8k.token.txt`: `1.jpg#0`, a tab and a caption, with `Flickr_8k.trainImages.txt` and so on.
 */
export function findOtherLists(data: DataFolder): OtherLists | undefined {
  const find = (places: string[]) => findLists(data, places, NAMES).filter((list) => isList(data, list));
  let lists = find(["", ...splitFolders(data)]);
  if (lists.length === 0) {
    const places = foldersAndFiles(data, "").filter(({ isFolder }) => isFolder);
    lists = find(places.map(({ name }) => `${name}/`));
    if (lists.length > 1)
      throw new UserError(
        `${data.path}: has ${lists.length} folders with lists, such as ${lists[0]} and ${lists[1]}. Give one of the folders.`,
        { code: "data.invalid" },
      );
  }
  if (lists.length === 0) return undefined;
  const place = placeOf(lists[0]!);
  const splitLists = foldersAndFiles(data, place)
    .filter(({ name, isFolder }) => !isFolder && SPLIT_LIST.test(name))
    .map(({ name }) => place + name);
  return { lists, splitLists };
}

const TABLES = ["captions.csv", "captions.tsv", "captions.txt", "metadata.csv", "metadata.tsv"];
const NAMES = [
  ...TABLES,
  ...["captions.json", "captions.jsonl", "metadata.json", "metadata.jsonl"],
  ...["flickr8k.token.txt", "flickr30k.token.txt", "results_20130124.token"],
];
const SPLIT_LIST = /^flickr_?\d+k\.(train|dev|val|test)images\.txt$/i;

/** Whether a file has the name of a list that is read in some folder. */
export function isListName(name: string): boolean {
  return NAMES.includes(name.toLowerCase());
}

/** Reads such lists as `readLists` does. Images that are in none of Flickr8k's splits are not used. */
export function readOtherLists(
  data: DataFolder,
  { lists, splitLists }: OtherLists,
  remarks: Remarks,
): Entry[] {
  const splits = new Map<string, Split>();
  for (const list of splitLists) {
    const split = splitByName([SPLIT_LIST.exec(list.slice(placeOf(list).length))![1]!])!;
    for (const name of readListText(data, list, remarks).split(/\r\n?|\n/)) {
      if (name.trim() !== "") splits.set(name.trim(), split);
    }
  }
  return readLists(data, lists, remarks, {
    format: lists[0]!.endsWith(".json") ? JSON_FORMAT : TABLE_FORMAT,
    alsoRead: splitLists,
    ...(splits.size > 0 && { splits }),
  });
}

const COLUMNS = { image: "file_name", captions: [["text"], ["caption", "captions"]] };

const TABLE_FORMAT: ListFormat = {
  ...COLUMNS,
  expected: 'expected file_name and text, such as file_name,text and then 1.png,"a red bird" on a line',
};

const JSON_FORMAT: ListFormat = {
  ...COLUMNS,
  expected: 'expected [{"file_name": "1.png", "text": "a red bird"}] or {"1.png": ["a red bird"]}',
};

/** False for a `captions.txt` that has captions only. */
function isList(data: DataFolder, list: string): boolean {
  if (!list.toLowerCase().endsWith(".txt")) return true;
  const start = data.use(list, (file) => {
    const bytes = Buffer.alloc(START_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, START_BYTES, 0));
  });
  // What stands in place of a list is refused when it is read.
  if (describeImpostor(start) !== undefined) return true;
  const { text } = decodeText(start);
  const header = text.trimStart().split(/[\r\n]/, 1)[0]!;
  const names = header.split(/[,;\t|]/).map((name) => name.replaceAll('"', ""));
  return isTokenList(text) || (names.some(isImageColumn) && names.some(isCaptionColumn));
}

const START_BYTES = 4096;

function placeOf(list: string): string {
  return list.slice(0, list.lastIndexOf("/") + 1);
}
