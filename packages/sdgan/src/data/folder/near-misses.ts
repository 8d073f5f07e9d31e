import { quote, UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import { foldersAndFiles } from "./find-lists.js";
import { isImage } from "./image-names.js";

/**
 * Why the archive or table at `path` is not read, and how to unpack or export it, by its ending: "is not
 * unpacked: run …". Undefined for another file.
 */
export function unpacking(path: string): string | undefined {
  const name = path.toLowerCase();
  if (!PACKED.test(name)) return undefined;
  const file = shellName(path);
  if (/\.(tar\.gz|tgz)$/.test(name)) {
    return `is not unpacked: run \`tar -xzf ${file}\` in its folder, or \`gunzip ${file}\` if it is a WebDataset shard`;
  }
  for (const [ending, command] of ARCHIVES) {
    if (ending.test(name)) return `is not unpacked: run \`${command} ${file}\` in its folder`;
  }
  if (/\.(parquet|arrow)$/.test(name)) {
    return "is a table that is not read: write its images to files, and their names and captions to metadata.jsonl (docs/data.md shows how)";
  }
  if (/\.(xlsx?|ods)$/.test(name)) return "is a spreadsheet: save it as metadata.csv";
  return undefined;
}

/** All endings of this file; most files have none of them. */
const PACKED = /\.(gz|tgz|zip|t?bz2?|tbz2|t?xz|zst|tzst|7z|rar|parquet|arrow|xlsx?|ods)$/;
const ARCHIVES: [RegExp, string][] = [
  [/\.zip$/, "unzip"],
  [/\.(tar\.bz2|tbz2?)$/, "tar -xjf"],
  [/\.(tar\.xz|txz)$/, "tar -xJf"],
  [/\.(tar\.zst|tzst)$/, "tar --zstd -xf"],
  [/\.7z$/, "7z x"],
  [/\.rar$/, "unrar x"],
  [/\.gz$/, "gunzip"],
];

function shellName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return /^[\w.,@%+=:][\w.,@%+=:-]*$/.test(name) ? name : `'./${name.replaceAll("'", "'\\''")}'`;
}

/** What to do with a file that looks like a list but is none of those that are read; undefined for another. */
export function renaming(path: string): string | undefined {
  if (/(^|\/)captions?\.txt$/i.test(path))
    return "does not say which image a caption is of: write image,caption on its first line, and on the others such as 1.png,a red bird";
  const [, ending] = /\.(jsonl|ndjson|json|csv|tsv|token)$/i.exec(path) ?? [];
  if (ending === undefined || /(info|config|package|tokenizer|schema)[^/]*\.json$/i.test(path))
    return undefined;
  return `looks like a list, but no list that is read has this name: rename it to ${RENAMED[ending.toLowerCase()]}`;
}

const RENAMED: Record<string, string> = {
  ...{ jsonl: "metadata.jsonl", ndjson: "metadata.jsonl", json: "captions.json" },
  ...{ csv: "metadata.csv", tsv: "captions.tsv", token: "Flickr8k.token.txt" },
};

/**
 * The error for a folder in which no convention was found. It names what is there and nearly fits, with the
 * remedy: a list in a subfolder or with another name, an archive, a table. Otherwise it says what is
 * expected.
 */
export function noCaptions(data: DataFolder, isList: (name: string) => boolean, expected: string): UserError {
  const inside: string[] = [];
  const renamed: string[] = [];
  const packed: string[] = [];
  let images = 0;
  let looked = 0;
  const folders = [""];
  for (let at = 0; at < folders.length && looked < LOOKED_AT; at++) {
    const folder = folders[at]!;
    for (const { name, isFolder } of foldersAndFiles(data, folder)) {
      const path = folder + name;
      looked++;
      if (isFolder) folders.push(`${path}/`);
      else if (folder !== "" && (isList(name) || name.endsWith(".tar"))) inside.push(path);
      else if (isImage(name)) images++;
      else {
        const [list, archive] = [renaming(path), unpacking(path)];
        if (list !== undefined) renamed.push(`${path} ${list}.`);
        if (archive !== undefined) packed.push(`${path} ${archive}.`);
      }
    }
  }
  const advice =
    inside[0] !== undefined ? inSubfolder(data, inside[0]) : [...renamed, ...packed].slice(0, 2).join(" ");
  const seen =
    images === 0
      ? "found no captions"
      : `found no captions for its ${images === 1 ? "1 image" : `${images} images`}`;
  return new UserError(`${data.path}: ${seen}. ${advice === "" ? expected : advice}`, {
    code: "data.invalid",
  });
}

/** In files and folders. */
const LOOKED_AT = 100_000;

function inSubfolder(data: DataFolder, path: string): string {
  const folder = path.slice(0, path.lastIndexOf("/"));
  return `${path} is in a subfolder: give ${quote(data.at(folder), 200)} as the folder.`;
}
