import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import { isImage, unreadFormat } from "./image-names.js";
import { OTHER } from "./match-captions.js";

/**
 * Reports every file in the folder for which `isUsed` is false as unused. `reason` is why images, captions
 * and tar files are not used; other files have reasons of their own.
 */
export function reportOthers(
  data: DataFolder,
  { isUsed, reason, remarks }: { isUsed: (path: string) => boolean; reason: string; remarks: Remarks },
): void {
  const visit = (place: string): void => {
    for (const { name, isFolder } of data.list(place || ".")) {
      const path = place + name;
      if (isFolder) visit(`${path}/`);
      else if (!isUsed(path)) remarks.unused(path, unreadFormat(name) ?? (mayBeData(name) ? reason : OTHER));
    }
  };
  visit("");
}

function mayBeData(name: string): boolean {
  return isImage(name) || /\.(txt|caption|tar|json)$/i.test(name);
}
