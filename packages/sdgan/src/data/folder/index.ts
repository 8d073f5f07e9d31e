import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { quote, UserError } from "@sdgan/core";
import { DataFolder } from "../data-folder.js";
import type { Example, Source } from "../dataset.js";
import { givenFile, snapshotOf } from "../hub-cache.js";
import { Remarks } from "../remarks.js";
import { findBeside, unreadFormats } from "./beside.js";
import { CAPTIONS_JSONL, EXAMPLE, readCaptionsJsonl } from "./captions-jsonl.js";
import type { Entry } from "./entry.js";
import { findLists } from "./find-lists.js";
import { findMetadata, readMetadata } from "./hugging-face.js";
import { isImage } from "./image-names.js";
import { noCaptions, renaming, unpacking } from "./near-misses.js";
import { reportOthers } from "./other-files.js";
import { findOtherLists, isListName, readOtherLists } from "./other-lists.js";
import { findShards, readShards } from "./web-dataset.js";

/**
 * Any captioned images, in the first of these conventions that matches `path`:
 *
 * 1. `captions.jsonl`, the project's own list (`captions-jsonl.ts`);
 * 2. Hugging Face's image folder: `metadata.jsonl` or `metadata.csv`, there or in split folders
 *    (`hugging-face.ts`);
 * 3. WebDataset: tar files in the folder, or `path` itself is a tar file (`web-dataset.ts`);
 * 4. a `.txt` or `.caption` next to each image (`beside.ts`);
 * 5. another usual list, such as `captions.csv`, `captions.json` and Flickr8k's (`other-lists.ts`).
 *
 * Throws a `UserError` when none matches, or a list is broken; single broken images and captions are skipped.
 * What else is not used is in the source's `remarks`.
 */
export function folder(path: string): Source {
  const { found, entries, remarks } = find(path);
  const classes = [...new Set(entries.map(({ className }) => className))];
  const classIds = new Map(classes.map((name, id) => [name, id]));
  return {
    name: "folder",
    found: `${path}: ${found}`,
    count: entries.length,
    classes,
    remarks,
    listing: entries.map(({ id, split, className, unusable }) => ({
      ...{ id, split, classId: classIds.get(className)! },
      ...(unusable && { unusable }),
    })),
    async *examples() {
      for (const { id, split, className, captions, stamp, read } of entries) {
        const example: Example = {
          ...{ id, split, classId: classIds.get(className)! },
          ...(await captions()),
          stamp,
          read,
        };
        yield example;
      }
    },
  };
}

interface Found {
  found: string;
  entries: Entry[];
  remarks: Remarks;
}

function find(path: string): Found {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return findInTar(path);
  const remarks = new Remarks();
  const remedy = "Give a folder with images and their captions, or a tar file.";
  const data = new DataFolder(snapshotOf(path, remarks), remedy, remarks);
  const [captions] = findLists(data, [""], [CAPTIONS_JSONL]);
  if (captions !== undefined)
    return { found: captions, entries: readCaptionsJsonl(data, captions, remarks), remarks };
  const metadata = findMetadata(data);
  if (metadata.length > 0) {
    return {
      found: `Hugging Face's image folder: ${metadata.join(", ")}`,
      entries: readMetadata(data, metadata, remarks),
      remarks,
    };
  }
  const shards = findShards(data);
  if (shards.length > 0) {
    const found = `WebDataset: ${shards.length === 1 ? shards[0] : `${shards.length} tar files`}`;
    const used = new Set(shards);
    const entries = readShards(data, shards, remarks);
    reportOthers(data, { isUsed: (path) => used.has(path), reason: BESIDE_SHARDS, remarks });
    return { found, entries, remarks };
  }
  const beside = findBeside(data, remarks);
  if (beside.length > 0) return { found: "a .txt or .caption next to each image", entries: beside, remarks };
  const others = findOtherLists(data);
  if (others !== undefined) {
    const found = [...others.lists, ...others.splitLists].join(", ");
    return { found, entries: readOtherLists(data, others, remarks), remarks };
  }
  throw unreadFormats(data) ?? noCaptions(data, isListName, EXPECTED);
}

const BESIDE_SHARDS = "the folder has tar files, and only these are read";

const EXPECTED =
  `Expected ${CAPTIONS_JSONL} with a line such as ${EXAMPLE} for each image, or another list or captions beside the ` +
  "images (docs/data.md).";

function findInTar(path: string): Found {
  const refuse = (problem: string): never => {
    throw new UserError(`${path}: ${problem}`, { code: "data.invalid" });
  };
  const packed = unpacking(path);
  if (packed !== undefined) refuse(packed);
  if (isListName(basename(path)) || isImage(path))
    refuse(`is one file of a folder: give the folder, ${quote(dirname(path), 200)}`);
  const list = renaming(path);
  if (list !== undefined) refuse(`${list}, and give its folder, ${quote(dirname(path), 200)}`);
  const file = givenFile(path);
  const remarks = new Remarks();
  return {
    found: "WebDataset: one tar file",
    entries: readShards(new DataFolder(dirname(file), "", remarks), [basename(file)], remarks),
    remarks,
  };
}
