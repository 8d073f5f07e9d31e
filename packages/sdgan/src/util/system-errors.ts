import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "@sdgan/core";

const meanings: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission denied",
  EPERM: "the system does not permit it",
  EROFS: "the file system is read-only",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  EEXIST: "it is there already",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links lead in a circle",
  EFBIG: "the file would be larger than the file system allows",
  EIO: "the disk reports an error",
};

/**
 * What the file system refused, as a `UserError` that names the path; undefined for every other error.
 * A failed write knows no path (the system was given an open file), so `path` is what the caller was writing.
 */
export function systemError(error: unknown, path?: string): UserError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = "", path: named, syscall } = error as NodeJS.ErrnoException;
  const meaning = meanings[code];
  if (meaning === undefined || syscall === undefined) return undefined;
  return new UserError(`${path ?? named ?? `${syscall} on a file`}: ${meaning} (${code})`, {
    code: code === "ENOENT" ? "file.missing" : "file.system",
    cause: error,
  });
}

/** Does `work` on `path`; what the file system refuses becomes a `UserError` that names it. */
export function onDisk<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw systemError(error, path) ?? error;
  }
}

/**
 * Makes a folder, and those that it is to lie in, where they are not there yet. Node's own way tries for ever where a
 * system takes no folder and says that it is not there, as /proc does.
 */
export function ensureFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) ensureFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error; // Else another process was first.
  }
}
