import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../errors.js";
import { FILES, FORMAT } from "./format.js";

/**
 * Where a prepared folder comes to stand. It is written beside that place, in `partial`, and put there by `finish`
 * when it is complete: until then, whatever fails, what was there before stays.
 * Throws a `UserError` when something else stands there already, or when the place cannot be written.
 */
export class Place {
  readonly out: string;
  /** The folder to write in. */
  readonly partial: string;
  readonly #previous: string;

  constructor(out: string) {
    this.out = behindLinks(out);
    const hidden = join(dirname(this.out), `.${basename(this.out)}`);
    this.partial = `${hidden}.partial-${process.pid}`;
    this.#previous = `${hidden}.previous`;
    try {
      mkdirSync(dirname(this.out), { recursive: true });
      this.#restore();
      refuseOthers(this.out);
      removeAbandoned(`${hidden}.partial-`);
      mkdirSync(this.partial);
    } catch (error) {
      throw unwritable(out, error);
    }
  }

  /** Puts the complete folder in its place. */
  finish(): void {
    try {
      refuseOthers(this.out);
      if (exists(this.out)) renameSync(this.out, this.#previous);
      renameSync(this.partial, this.out);
    } catch (error) {
      this.abandon();
      throw unwritable(this.out, error);
    }
    rmSync(this.#previous, { recursive: true, force: true });
  }

  /** Leaves what was there before. */
  abandon(): void {
    this.#restore();
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
  );
}

/** Only nothing, an empty folder, and a prepared folder without a file of anyone else's may be replaced. */
function refuseOthers(out: string): void {
  if (!exists(out)) return;
  const refuse = (found: string): never => {
    throw new UserError(
      `${out}: ${found}, so it is left alone. Choose another folder, or remove this one first.`,
    );
  };
  if (!lstatSync(out).isDirectory()) refuse("is there and is no folder");
  const entries = readdirSync(out);
  if (entries.length === 0) return;
  const ours = [FILES.index, FILES.vocabulary, FILES.contactSheet, ...Object.values(FILES.pixels)];
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

/** Removes partial folders of processes that were killed: what begins with `prefix` and ends in a process's number. */
export function removeAbandoned(prefix: string): void {
  const dir = dirname(prefix);
  for (const entry of readdirSync(dir)) {
    if (!entry.startsWith(basename(prefix))) continue;
    const pid = entry.slice(basename(prefix).length);
    if (!/^\d+$/.test(pid) || (Number(pid) !== process.pid && isRunning(Number(pid)))) continue;
    rmSync(join(dir, entry), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
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
