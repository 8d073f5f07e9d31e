import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isRunning } from "@sdgan/addons/lock";
import { UserError } from "@sdgan/core";
import { ensureFolder, onDisk } from "../util/system-errors.js";

/**
 * Creates the folder `path` atomically: `write` fills a temporary folder next to it, which is renamed when
 * complete.
 * @throws UserError if `path` exists and is not an empty folder, or cannot be written
 */
export function makeFolder<Result>(path: string, write: (partial: string) => Result): Result {
  const target = resolve(path);
  requireFree(path, target);
  const prefix = join(dirname(target), `.${basename(target)}.partial-`);
  const partial = `${prefix}${process.pid}`;
  return onDisk(path, () => {
    ensureFolder(dirname(target));
    removeAbandoned(prefix);
    try {
      mkdirSync(partial);
      const result = write(partial);
      if (existsSync(target)) rmdirSync(target); // Empty, see requireFree.
      renameSync(partial, target);
      return result;
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      throw error;
    }
  });
}

function requireFree(path: string, target: string): void {
  if (!existsSync(target)) return;
  if (onDisk(path, () => readdirSync(target)).length > 0)
    throw new UserError(`${path}: exists and is not empty: use another name, or remove it first`, {
      code: "file.exists",
    });
}

/** Removes temporary folders of killed processes. Their names are `prefix` and a process id. */
function removeAbandoned(prefix: string): void {
  const dir = dirname(prefix);
  for (const entry of readdirSync(dir)) {
    if (!entry.startsWith(basename(prefix))) continue;
    const pid = entry.slice(basename(prefix).length);
    if (!/^\d+$/.test(pid) || (Number(pid) !== process.pid && isRunning(Number(pid)))) continue;
    rmSync(join(dir, entry), { recursive: true, force: true });
  }
}
