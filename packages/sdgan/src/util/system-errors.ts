import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "@sdgan/core/basics";

const meanings: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  EEXIST: "it exists already",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links form a cycle",
  EFBIG: "the file would be larger than the file system allows",
  EIO: "the disk reports an error",
};

/**
 * An error of the file system as a `UserError` that names the path; undefined for every other error. The error of a failed
 * write has no path (the system was given an open file), so `path` is the one that the caller was writing.
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

/** Does `work` on `path`. Errors of the file system become a `UserError` that names the path. */
export function onDisk<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw systemError(error, path) ?? error;
  }
}

/**
 * Creates a folder and its parents if they are missing. Node's `recursive` option retries for ever where the system
 * refuses a folder with ENOENT, as /proc does.
 */
export function ensureFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) ensureFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return; // Another process created it first.
    if (found === undefined) throw error;
    throw new UserError(
      `${path}: exists and is not a folder. Give another folder, or delete this file first`,
      {
        code: "file.system",
        cause: error,
      },
    );
  }
}
