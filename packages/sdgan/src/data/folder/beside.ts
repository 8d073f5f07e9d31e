import { UserError } from "@sdgan/core";
import { readCaptionFile } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { isImage, unreadFormat } from "./image-names.js";
import { HIDDEN, matchCaptions, stemOf } from "./match-captions.js";
import { splitByHash, splitByName } from "./split.js";
import { findPacked } from "./web-dataset.js";

/**
 * Images with a caption file next to them, one caption per line: `robin.jpg` with `robin.txt` or
 * `robin.caption`, also in subfolders. Folders named train, test or validation are the splits; other images
 * are assigned by the hash of their path, one in ten to `test`. Returns no entries if no image has captions;
 * if some have, the others are reported as broken. Any other file is reported as unused.
 * Throws a `UserError` when there are captions, but only for images in formats that are not read.
 */
export function findBeside(data: DataFolder, remarks: Remarks): Entry[] {
  const entries: Entry[] = [];
  const unread: string[] = [];
  let withCaptions = 0;
  const visit = (folders: string[]): void => {
    const place = folders.map((name) => `${name}/`).join("");
    const all = data.list(place || ".", { hidden: true });
    for (const { name, isFolder } of all)
      if (name.startsWith(".") && !isFolder && isImage(name)) remarks.unused(place + name, HIDDEN);
    const list = all.filter(({ name }) => !name.startsWith("."));
    const found = matchCaptions(list.filter(({ isFolder }) => !isFolder).map(({ name }) => name));
    const linksToFolders = new Set(
      list.filter(({ name, isLink }) => isLink && data.isFolder(place + name)).map(({ name }) => name),
    );
    for (const [name, reason] of found.unused) {
      if (linksToFolders.has(name)) remarks.unused(place + name, LINK_TO_FOLDER, "link");
      else remarks.unused(place + name, reason);
    }
    unread.push(...found.unread.map((name) => place + name));
    for (const { name, isFolder } of list) {
      if (isFolder) visit([...folders, name]);
      if (isFolder || !found.images.has(name)) continue;
      const id = place + name;
      const captions = found.images.get(name);
      if (captions) withCaptions++;
      if (captions?.note !== undefined) remarks.note(place + captions.name, captions.note);
      entries.push({
        id,
        split: splitByName(folders) ?? splitByHash(id),
        className: id,
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
  if (withCaptions > 0) return entries;
  if (unread.length > 0) {
    throw new UserError(
      `${data.path}: ${unread.length} images have captions, but in formats that are not read. ` +
        `The first is ${unread[0]}: ${unreadFormat(unread[0]!)}.`,
      { code: "data.invalid" },
    );
  }
  const packed = findPacked(data);
  if (packed.length === 0) return [];
  throw new UserError(
    `${data.at(packed[0]!)}: is packed, and nothing in ${data.path} has captions. Unpack it, and give the folder ` +
      "or the tar file that this makes.",
    { code: "data.invalid" },
  );
}

const LINK_TO_FOLDER = "links to folders are not followed: copy the folder";
