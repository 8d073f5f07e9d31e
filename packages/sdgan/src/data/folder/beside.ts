import { readCaptionFile } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Entry } from "./entry.js";
import { isPicture } from "./picture-names.js";
import { splitByHash, splitByName } from "./split.js";

/**
 * Pictures with their captions beside them, one a line: `robin.jpg` and `robin.txt`, also in folders in folders.
 * Folders named train, test or validation are the splits; without them every tenth picture, chosen by the hash of
 * its path, is to test on. None where no picture has captions; where some have, the others are broken.
 */
export function findBeside(data: DataFolder): Entry[] {
  const entries: Entry[] = [];
  let withCaptions = 0;
  const look = (folders: string[]): void => {
    const list = data.list(folders.join("/") || ".");
    const files = new Set(list.filter(({ isFolder }) => !isFolder).map(({ name }) => name));
    for (const { name, isFolder } of list) {
      if (isFolder) look([...folders, name]);
      else if (isPicture(name)) {
        const id = [...folders, name].join("/");
        const captions = id.replace(/\.[^.]*$/, ".txt");
        if (files.has(name.replace(/\.[^.]*$/, ".txt"))) withCaptions++;
        entries.push({
          id,
          split: splitByName(folders) ?? splitByHash(id),
          className: id,
          captions: () => readCaptionFile(data, captions),
          read: () => data.read(id),
        });
      }
    }
  };
  look([]);
  return withCaptions > 0 ? entries : [];
}
