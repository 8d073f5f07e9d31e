import { readCaptionFile } from "../caption-files.js";
import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import type { Entry } from "./entry.js";
import { isImage } from "./image-names.js";
import { splitByHash, splitByName } from "./split.js";

/**
 * Images with a caption file next to them, one caption per line: `robin.jpg` and `robin.txt`, also in
 * subfolders. Folders named train, test or validation are the splits; other images are assigned by the hash
 * of their path, one in ten to `test`. Returns no entries if no image has captions; if some have, the others
 * are reported as broken.
 */
export function findBeside(data: DataFolder, remarks: Remarks): Entry[] {
  const entries: Entry[] = [];
  let withCaptions = 0;
  const visit = (folders: string[]): void => {
    const list = data.list(folders.join("/") || ".");
    const files = new Set(list.filter(({ isFolder }) => !isFolder).map(({ name }) => name));
    for (const { name, isFolder } of list) {
      if (isFolder) visit([...folders, name]);
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
  visit([]);
  return withCaptions > 0 ? entries : [];
}
