import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isRunning } from "@sdgan/addons/lock";
import { UserError } from "@sdgan/core";
import { ensureFolder, onDisk, systemError } from "../util/system-errors.js";

/**
 * Creates the folder `path` atomically: `write` fills a temporary folder next to it, which is renamed when
 * complete.
 * @throws UserError if `path` exists and is not an empty folder, or cannot be written
 */
export function makeFolder<Result>(path: string, write: (partial: string) => Result): Result {
  const folder = new NewFolder(path);
  return onDisk(path, () => {
    try {
      const result = write(folder.create());
      folder.finish();
      return result;
    } catch (error) {
      folder.abandon();
      throw error;
    }
  });
}

/** Like `makeFolder`, with an asynchronous `write`. */
export async function makeFolderWith<Result>(
  path: string,
  write: (partial: string) => Promise<Result>,
): Promise<Result> {
  const folder = new NewFolder(path);
  try {
    const result = await write(onDisk(path, () => folder.create()));
    onDisk(path, () => folder.finish());
    return result;
  } catch (error) {
    folder.abandon();
    throw systemError(error, path) ?? error;
  }
}

/** A temporary folder beside its place. */
class NewFolder {
  readonly #target: string;
  readonly #prefix: string;
  readonly #partial: string;

  constructor(path: string) {
    this.#target = resolve(path);
    requireFree(path, this.#target);
    this.#prefix = join(dirname(this.#target), `.${basename(this.#target)}.partial-`);
    this.#partial = `${this.#prefix}${process.pid}`;
  }

  create(): string {
    ensureFolder(dirname(this.#target));
    removeAbandoned(this.#prefix);
    mkdirSync(this.#partial);
    return this.#partial;
  }

  finish(): void {
    if (existsSync(this.#target)) rmdirSync(this.#target); // Empty, see requireFree.
    renameSync(this.#partial, this.#target);
  }

  abandon(): void {
    rmSync(this.#partial, { recursive: true, force: true });
  }
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
