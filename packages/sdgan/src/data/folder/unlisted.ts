import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import { foldersAndFiles } from "./find-lists.js";
import { unpacking } from "./near-misses.js";

/**
 * Reports the files of a folder that its lists do not name: images without a row, other captions, archives.
 * Hidden files and links to folders are not reported. `named` has the paths of the images in the rows.
 */
export function remarkUnlisted(
  data: DataFolder,
  lists: string[],
  named: ReadonlySet<string>,
  remarks: Remarks,
): void {
  const read = new Set(lists);
  const files = filesIn(data);
  // A name may be written in the list with another Unicode form, or in another case, than in the folder.
  const found = new Set(files);
  const elsewhere = new Set<string>();
  for (const image of named) if (!found.has(image)) elsewhere.add(folded(image));
  const isElsewhere = (file: string) => elsewhere.size > 0 && elsewhere.has(folded(file));
  const names = lists.length === 1 ? lists[0]! : "the lists";
  for (const file of files) {
    if (read.has(file) || named.has(file) || isElsewhere(file)) continue;
    const reason = unpacking(file);
    if (reason !== undefined) remarks.unused(file, reason);
    else if (CAPTIONS.test(file)) remarks.unused(file, `captions are read from ${names} only`);
    else remarks.unused(file, `no row of ${names} names it`);
  }
}

const CAPTIONS = /\.(txt|caption|jsonl?|ndjson|csv|tsv|token|tar)$/i;

function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function filesIn(data: DataFolder): string[] {
  const files: string[] = [];
  const folders = [""];
  for (let at = 0; at < folders.length; at++) {
    for (const { name, isFolder } of foldersAndFiles(data, folders[at]!)) {
      const path = folders[at]! + name;
      if (isFolder) folders.push(`${path}/`);
      else files.push(path);
    }
  }
  return files;
}
