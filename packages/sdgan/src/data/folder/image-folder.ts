import { quote, UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import type { Remarks } from "../remarks.js";
import { foldersAndFiles, splitFolders } from "./find-lists.js";
import { unpacking } from "./near-misses.js";
import { splitByName } from "./split.js";

/**
 * The folder that the paths in a list are relative to: the list's own, or if none of its first images is
 * there, the first folder that has one: a folder beside the list such as `Images/`, the data's top folder, or
 * a folder in one of these. Ends with a slash, or is empty. Another folder than the list's own is reported to
 * `remarks`. Throws a `UserError` when no image is there but something that says why: images with other
 * paths, or an archive.
 */
export function imageFolder(data: DataFolder, list: string, images: string[], remarks: Remarks): string {
  const own = list.slice(0, list.lastIndexOf("/") + 1);
  const some = images.slice(0, TRIED_IMAGES);
  const has = (folder: string) => some.some((image) => data.hasFile(folder + image));
  if (some.length === 0 || has(own)) return own;
  // Images of the same names in the folders of two splits are different images.
  const near = foldersIn(data, own);
  const isSplit = splitByName([own.slice(0, -1)]) !== undefined;
  const far = own === "" ? [] : isSplit ? [""] : ["", ...foldersIn(data, "")];
  const direct = [...new Set([...near, ...far])];
  const deeper = direct
    .slice(0, TRIED_FOLDERS)
    .flatMap((folder) => (folder === "" ? [] : foldersIn(data, folder)));
  for (const folder of [...direct, ...deeper].slice(0, TRIED_FOLDERS)) {
    if (!has(folder)) continue;
    remarks.note(list, `names images that are in ${folder === "" ? "the folder above" : folder}`);
    return folder;
  }
  if (images.some((image) => data.hasFile(own + image))) return own;
  const problem =
    elsewhere(data, own, some, isSplit ? [] : splitFolders(data)) ??
    notUnpacked(data, isSplit ? [own] : [own, ""]);
  if (problem === undefined) return own;
  throw new UserError(
    `${data.at(list)}: none of the images that it names is in the folder, such as ${quote(images[0]!)}; ${problem}`,
    { code: "data.invalid" },
  );
}

/** Where one of the images is instead: in the folder of a split, or with an ending. */
function elsewhere(data: DataFolder, own: string, images: string[], splits: string[]): string | undefined {
  for (const folder of splits) {
    const found = images.find((image) => data.hasFile(folder + image));
    if (found !== undefined) return `${quote(folder + found)} is: write the folder before each name`;
  }
  const endings = [".jpg", ".jpeg", ".png", ".webp", ".JPG", ".PNG"];
  const found = images
    .flatMap((image) => endings.map((ending) => image + ending))
    .find((image) => data.hasFile(own + image));
  return found === undefined ? undefined : `${quote(found)} is: write the names with their endings`;
}

/** What to do with an archive in one of `places` that may have the images. */
function notUnpacked(data: DataFolder, places: string[]): string | undefined {
  const packed = places
    .flatMap((folder) => foldersAndFiles(data, folder).map(({ name }) => folder + name))
    .find((path) => unpacking(path) !== undefined);
  return packed === undefined ? undefined : `${packed} ${unpacking(packed)}`;
}

/** How many images of a list are looked for, and in how many folders. */
const [TRIED_IMAGES, TRIED_FOLDERS] = [20, 200];

function foldersIn(data: DataFolder, folder: string): string[] {
  return foldersAndFiles(data, folder)
    .filter(({ name, isFolder }) => isFolder && splitByName([name]) === undefined)
    .map(({ name }) => `${folder}${name}/`);
}
