import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { onDisk } from "./system-errors.js";

/**
 * Writes `path` so that at every moment, a crash or a full disk included, it holds either what it held before or
 * all of `data`.
 * @throws UserError naming `path` if the file system refuses.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  writeAtomic(path, (temporary) => writeFileSync(temporary, data));
}

/** As `writeFileAtomic`, for data that `write` puts into the file whose path it is given. */
export function writeAtomic(path: string, write: (temporary: string) => void): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}${temporaryEnding}`);
  onDisk(path, () => {
    try {
      write(temporary);
      syncToDisk(temporary);
      renameSync(temporary, path);
      syncToDisk(folder); // Makes the rename itself last.
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** Removes what killed processes left half written in `folder`, temporary files of temporary files among it. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(".") && name.includes(temporaryEnding)) rmSync(join(folder, name), { force: true });
}

const temporaryEnding = ".sdgan-tmp";

/**
 * Makes a file's bytes, or a folder's names, last. Not every system lets a folder be opened: there it is left to the
 * system.
 */
export function syncToDisk(path: string): void {
  const isFolder = statSync(path).isDirectory();
  if (isFolder && process.platform === "win32") return;
  const file = openSync(path, isFolder ? "r" : "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
