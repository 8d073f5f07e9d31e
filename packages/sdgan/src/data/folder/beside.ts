import { UserError } from "@sdgan/core";
import { readCaptionFile } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { isImage, unreadFormat } from "./image-names.js";
import { HIDDEN, matchCaptions, stemOf } from "./match-captions.js";
import { splitByHash, splitByName } from "./split.js";

/**
 * Images with a caption file next to them, one caption per line: `robin.jpg` with `robin.txt` or
 * `robin.caption`, also in subfolders. Folders named train, test or validation are the splits; other images
 * are assigned by the hash of their path, one in ten to `test`. Returns no entries if no image has captions;
 * if some have, the others are reported as broken. Any other file is reported as unused.
 */
export function findBeside(data: DataFolder, remarks: Remarks): Entry[] {
  const { entries, withCaptions, unused, notes } = search(data, remarks);
  if (withCaptions === 0) return [];
  for (const { path, reason, kind } of unused) remarks.unused(path, reason, kind);
  for (const { path, text } of notes) remarks.note(path, text);
  return entries;
}

/** The error for a folder in which only images in formats that are not read have captions next to them. */
export function unreadFormats(data: DataFolder): UserError | undefined {
  const { unread } = search(data, new Remarks());
  const [first] = unread;
  if (first === undefined) return undefined;
  return new UserError(
    `${data.path}: ${unread.length === 1 ? "1 image has" : `${unread.length} images have`} captions, but in formats that ` +
      `are not read. The first is ${first}: ${unreadFormat(first)}.`,
    { code: "data.invalid" },
  );
}

/** `remarks` gets only what is noted when captions are read. */
function search(data: DataFolder, remarks: Remarks) {
  const unused: { path: string; reason: string; kind?: string }[] = [];
  const notes: { path: string; text: string }[] = [];
  const entries: Entry[] = [];
  const unread: string[] = [];
  let withCaptions = 0;
  const visit = (folders: string[]): void => {
    const place = folders.map((name) => `${name}/`).join("");
    const all = data.list(place || ".", { hidden: true });
    for (const { name, isFolder } of all)
      if (name.startsWith(".") && !isFolder && isImage(name))
        unused.push({ path: place + name, reason: HIDDEN });
    const list = all.filter(({ name }) => !name.startsWith("."));
    const found = matchCaptions(list.filter(({ isFolder }) => !isFolder).map(({ name }) => name));
    const linksToFolders = new Set(
      list.filter(({ name, isLink }) => isLink && data.isFolder(place + name)).map(({ name }) => name),
    );
    for (const [name, reason] of found.unused) {
      const isLink = linksToFolders.has(name);
      unused.push({
        path: place + name,
        ...(isLink ? { reason: LINK_TO_FOLDER, kind: "link" } : { reason }),
      });
    }
    unread.push(...found.unread.map((name) => place + name));
    for (const { name, isFolder } of list) {
      if (isFolder) visit([...folders, name]);
      if (isFolder || !found.images.has(name)) continue;
      const id = place + name;
      const captions = found.images.get(name);
      if (captions) withCaptions++;
      if (captions?.note !== undefined) notes.push({ path: place + captions.name, text: captions.note });
      entries.push({
        id,
        split: splitByName(folders) ?? (captions ? splitByHash(id) : "train"),
        className: id,
        ...(!captions && { unusable: true as const }),
        captions: () =>
          captions
            ? readCaptionFile(data, place + captions.name, remarks)
            : { captions: [], broken: `has no captions: there is no ${stemOf(name)}.txt next to it` },
        stamp: () => data.stamp(id),
        read: () => data.read(id),
      });
    }
  };
  visit([]);
  return { entries, withCaptions, unread, unused, notes };
}

const LINK_TO_FOLDER = "links to folders are not followed: copy the folder";
