/** Prepared folders on this machine, as suggestions for a training's data. */
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface PreparedFolder {
  /** Relative to the folder that was searched. */
  folder: string;
  /** What was prepared: "birds", "folder". */
  source: string;
  /** Training images. */
  images: number;
}

/** The prepared folders in a folder and in its sub-folders, in the order of their names. */
export async function preparedFolders(within = "."): Promise<PreparedFolder[]> {
  const folders = await subFolders(within);
  const nested = await Promise.all(folders.map((folder) => subFolders(within, folder)));
  const found = await Promise.all(
    [...folders, ...nested.flat()].sort().map((folder) => preparedFolder(within, folder)),
  );
  return found.filter((each) => each !== undefined);
}

async function subFolders(within: string, parent = ""): Promise<string[]> {
  const entries = await readdir(join(within, parent), { withFileTypes: true }).catch((): Dirent[] => []);
  return entries
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$)/.test(entry.name))
    .slice(0, MOST_FOLDERS)
    .map(({ name }) => join(parent, name));
}

async function preparedFolder(within: string, folder: string): Promise<PreparedFolder | undefined> {
  try {
    const file = join(within, folder, "index.json");
    if ((await stat(file)).size > MOST_BYTES) return undefined;
    const { format, source, summary } = JSON.parse(await readFile(file, "utf8"));
    if (format !== "sdgan-prepared") return undefined;
    return { folder, source: String(source), images: Number(summary.images.train) };
  } catch {
    return undefined;
  }
}

/** Of one folder. */
const MOST_FOLDERS = 100;

/** An index is a few kilobytes. */
const MOST_BYTES = 2 ** 20;
