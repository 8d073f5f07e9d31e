import { lstatSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "@sdgan/core";
import { syncToDisk } from "../util/atomic-file.js";
import { takeLock } from "../util/lock.js";
import { ensureFolder } from "../util/system-errors.js";
import { FILES, FORMAT } from "./format.js";

/**
 * Replaces a prepared folder atomically. The new folder is written next to `out`, in `partial`, and moved to
 * `out` by `finish` when it is complete. If anything fails before that, the previous folder stays unchanged.
 * Interrupted work stays in `partial`, and the next `AtomicFolder` for the same `out` continues it.
 * Throws a `UserError` when `out` is anything else than a prepared folder, when it cannot be written, or when
 * another process is preparing it.
 */
export class AtomicFolder {
  readonly out: string;
  /** The folder to write in. */
  readonly partial: string;
  readonly #previous: string;
  readonly #release: () => void;

  constructor(out: string) {
    this.out = resolveLinks(out);
    const hidden = join(dirname(this.out), `.${basename(this.out)}`);
    this.partial = `${hidden}.partial`;
    this.#previous = `${hidden}.previous`;
    try {
      checkReplaceable(this.out);
      ensureFolder(this.partial);
    } catch (error) {
      throw unwritable(out, error);
    }
    this.#release = takeLock(join(this.partial, "lock"), {
      does: `is preparing ${this.out}`,
      instead: "wait for it, or stop it first",
    });
    this.#restore();
  }

  /** Moves the complete folder to `out`, after all of it has been written to the disk. */
  finish(): void {
    try {
      checkReplaceable(this.out);
      this.#release();
      for (const file of readdirSync(this.partial)) syncToDisk(join(this.partial, file));
      syncToDisk(this.partial);
      if (exists(this.out)) renameSync(this.out, this.#previous);
      renameSync(this.partial, this.out);
      syncToDisk(dirname(this.out));
    } catch (error) {
      this.abandon();
      throw unwritable(this.out, error);
    }
    rmSync(this.#previous, { recursive: true, force: true });
  }

  /** Keeps the previous folder, and the unfinished work for a later continuation. */
  suspend(): void {
    this.#release();
  }

  /** Keeps the previous folder and deletes the unfinished work. */
  abandon(): void {
    this.#restore();
    this.#release();
    rmSync(this.partial, { recursive: true, force: true });
  }

  /** Undoes a replacement that stopped between its two renames; completes one that stopped after them. */
  #restore(): void {
    if (!exists(this.#previous)) return;
    if (exists(this.out)) rmSync(this.#previous, { recursive: true, force: true });
    else renameSync(this.#previous, this.out);
  }
}

/** Converts an error of the file system to a `UserError` about `path`; returns any other error unchanged. */
export function unwritable(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof UserError || code === undefined) return error;
  return new UserError(
    `${path}: cannot be written (${message}). Choose a writable folder on a disk with free space.`,
    { code: "file.system" },
  );
}

/** Throws unless `out` does not exist, is empty, or is a prepared folder without other files. */
function checkReplaceable(out: string): void {
  if (!exists(out)) return;
  const refuse = (found: string): never => {
    throw new UserError(
      `${out}: ${found}, so it is not replaced. Choose another folder, or delete this one first.`,
      { code: "file.exists" },
    );
  };
  if (!lstatSync(out).isDirectory()) refuse("exists and is not a folder");
  const entries = readdirSync(out);
  if (entries.length === 0) return;
  const ours = Object.values(FILES).flatMap((name) =>
    typeof name === "string" ? name : Object.values(name),
  );
  const other = entries.find((entry) => !ours.includes(entry));
  if (other !== undefined) refuse(`contains a file that is not prepared data (${other})`);
  if (!isIndex(join(out, FILES.index))) refuse("is not a prepared folder");
}

function isIndex(file: string): boolean {
  try {
    return JSON.parse(readFileSync(file, "utf8")).format === FORMAT;
  } catch {
    return false;
  }
}

/** If `path` is a link to a folder, the link stays and its target is replaced. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
