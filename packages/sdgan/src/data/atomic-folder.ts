import { lstatSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "@sdgan/core";
import { syncToDisk } from "../util/atomic-file.js";
import { takeLock } from "../util/lock.js";
import { ensureFolder } from "../util/system-errors.js";
import { FILES, FORMAT } from "./format.js";

/**
 * Where a prepared folder comes to stand. It is written beside that place, in `partial`, and put there by `finish`
 * when it is complete: until then, whatever fails, what was there before stays. Work that was interrupted stays in
 * `partial` for the next one to go on with.
 * Throws a `UserError` when something else stands there already, when the place cannot be written, or when another
 * process is at work on it.
 */
export class AtomicFolder {
  readonly out: string;
  /** The folder to write in. */
  readonly partial: string;
  readonly #previous: string;
  readonly #release: () => void;

  constructor(out: string) {
    this.out = behindLinks(out);
    const hidden = join(dirname(this.out), `.${basename(this.out)}`);
    this.partial = `${hidden}.partial`;
    this.#previous = `${hidden}.previous`;
    try {
      refuseOthers(this.out);
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

  /** Puts the complete folder in its place, when all of it has reached the disk. */
  finish(): void {
    try {
      refuseOthers(this.out);
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

  /** Leaves what was there before, and the unfinished work to the next one. */
  suspend(): void {
    this.#release();
  }

  /** Leaves what was there before, and nothing else. */
  abandon(): void {
    this.#restore();
    this.#release();
    rmSync(this.partial, { recursive: true, force: true });
  }

  /** Undoes a replacement that stopped between its two renames; removes the rest of one that stopped after them. */
  #restore(): void {
    if (!exists(this.#previous)) return;
    if (exists(this.out)) rmSync(this.#previous, { recursive: true, force: true });
    else renameSync(this.#previous, this.out);
  }
}
/** An error of the file system as a `UserError` about `path`; another error as it is. */
export function unwritable(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof UserError || code === undefined) return error;
  return new UserError(
    `${path}: cannot be written (${message}). Choose a folder that may be written, on a disk with room.`,
    { code: "file.system" },
  );
}

/** Only nothing, an empty folder, and a prepared folder without a file of anyone else's may be replaced. */
function refuseOthers(out: string): void {
  if (!exists(out)) return;
  const refuse = (found: string): never => {
    throw new UserError(
      `${out}: ${found}, so it is left alone. Choose another folder, or remove this one first.`,
      { code: "file.exists" },
    );
  };
  if (!lstatSync(out).isDirectory()) refuse("is there and is no folder");
  const entries = readdirSync(out);
  if (entries.length === 0) return;
  const ours = Object.values(FILES).flatMap((name) =>
    typeof name === "string" ? name : Object.values(name),
  );
  const other = entries.find((entry) => !ours.includes(entry));
  if (other !== undefined) refuse(`has a file that is no prepared data (${other})`);
  if (!isIndex(join(out, FILES.index))) refuse("is not a prepared folder");
}

function isIndex(file: string): boolean {
  try {
    return JSON.parse(readFileSync(file, "utf8")).format === FORMAT;
  } catch {
    return false;
  }
}

/** A link to a folder stays a link: what it points to is replaced. */
function behindLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
