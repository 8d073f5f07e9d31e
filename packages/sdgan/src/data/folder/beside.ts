import { readCaptionFile } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Entry } from "./entry.js";
import { isImage } from "./image-names.js";
import { splitByHash, splitByName } from "./split.js";

/**
 * Images with their captions beside them, one a line: `robin.jpg` and `robin.txt`, also in folders in folders.
 * Folders named train, test or validation are the splits; without them every tenth image, chosen by the hash of
 * its path, is to test on. None where no image has captions; where some have, the others are broken.
 */
export function findBeside(data: DataFolder): Entry[] {
  const entries: Entry[] = [];
  let withCaptions = 0;
  const look = (folders: string[]): void => {
    const list = data.list(folders.join("/") || ".");
    const files = new Set(list.filter(({ isFolder }) => !isFolder).map(({ name }) => name));
    for (const { name, isFolder } of list) {
      if (isFolder) look([...folders, name]);
      else if (isImage(name)) {
        const id = [...folders, name].join("/");
        const captions = id.replace(/\.[^.]*$/, ".txt");
        if (files.has(name.replace(/\.[^.]*$/, ".txt"))) withCaptions++;
        entries.push({
          id,
          split: splitByName(folders) ?? splitByHash(id),
          className: id,
          captions: () => readCaptionFile(data, captions),
          stamp: () => data.stamp(id),
          read: () => data.read(id),
        });
      }
    }
  };
  look([]);
  return withCaptions > 0 ? entries : [];
}
