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
 * Writes `path` so that at every moment, even after a crash or on a full disk, it has either its former content or all
 * of `data`.
 * @throws UserError naming `path` if the file system refuses.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  writeAtomic(path, (temporary) => writeFileSync(temporary, data));
}

/** Like `writeFileAtomic`; `write` writes the data into the temporary file whose path it receives. */
export function writeAtomic(path: string, write: (temporary: string) => void): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}${temporaryEnding}`);
  onDisk(path, () => {
    try {
      write(temporary);
      syncToDisk(temporary);
      renameSync(temporary, path);
      syncToDisk(folder); // So that the rename survives a crash.
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** Removes the temporary files of killed processes from `folder`, including temporary files of temporary files. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(".") && name.includes(temporaryEnding)) rmSync(join(folder, name), { force: true });
}

const temporaryEnding = ".sdgan-tmp";

/**
 * Flushes a file's content or a folder's entries to disk. Does nothing for folders on Windows, which cannot open them.
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
