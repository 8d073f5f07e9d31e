import { UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import { splitByName } from "./split.js";

/**
 * Paths of the lists with one of `names` in each of `places`, in any case and in this order. A place is "" or ends with a
 * slash. Throws a `UserError` when a place has two.
 */
export function findLists(data: DataFolder, places: string[], names: readonly string[]): string[] {
  return places.flatMap((place) => {
    const lists = foldersAndFiles(data, place)
      .filter(({ name }) => names.includes(name.toLowerCase()))
      .sort((a, b) => names.indexOf(a.name.toLowerCase()) - names.indexOf(b.name.toLowerCase()))
      .map(({ name }) => place + name)
      .filter((path) => data.hasFile(path));
    if (lists.length > 1)
      throw new UserError(`${data.path}: has ${lists.join(" and ")}. Keep one of them.`, {
        code: "data.invalid",
      });
    return lists;
  });
}

/** The data's folders that are named like a split, each with a slash at its end. */
export function splitFolders(data: DataFolder): string[] {
  return data
    .list()
    .filter(({ name, isFolder }) => isFolder && splitByName([name]))
    .map(({ name }) => `${name}/`);
}

/** What is in a folder, by name. A folder that cannot be read counts as empty. */
export function foldersAndFiles(data: DataFolder, folder: string): { name: string; isFolder: boolean }[] {
  try {
    return data.list(folder || ".");
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}
