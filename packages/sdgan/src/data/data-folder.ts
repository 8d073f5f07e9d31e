import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  read,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { isAbsolute, join, posix, sep } from "node:path";
import { promisify } from "node:util";
import { describeImpostor, UserError } from "@sdgan/core";
import { isClutter } from "./clutter.js";
import { decodeText } from "./decode-text.js";
import { cacheRepository } from "./hub-cache.js";
import { type FoundName, NameIndex } from "./name-index.js";
import type { Remarks } from "./remarks.js";

/**
 * Read access to a folder of untrusted data. Nothing outside of the folder is read, whatever paths and links
 * its files contain; in Hugging Face's cache, nothing outside of the repository's folder (`hub-cache.ts`).
 * Only regular files up to a size limit are read: opening a pipe could block forever.
 *
 * A file that is not there is looked for under a name that is nearly equal (`name-index.ts`): lists may have
 * been written on a system with other rules for names.
 */
export class DataFolder {
  /** The path as the user gave it, for messages. */
  readonly path: string;
  /** Where files that are read in an unusual way are noted. */
  readonly remarks: Remarks | undefined;
  /** The real path, with all links resolved. */
  readonly #root: string;
  /** The folder that links may lead to: `#root`, or the repository's folder in Hugging Face's cache. */
  readonly #limits: string;
  /** The entries of the folder itself, which is listed several times. */
  #top: FolderEntry[] | undefined;
  /** Names in the folders in which a file was not found. */
  readonly #names = new Map<string, NameIndex | undefined>();

  /** Throws a `UserError` when `path` is not a folder; `remedy` is the end of its message. */
  constructor(path: string, remedy: string, remarks?: Remarks) {
    if (!isFolder(path)) throw new UserError(`${path}: no such folder. ${remedy}`, { code: "file.missing" });
    this.path = path;
    this.remarks = remarks;
    this.#root = realpathSync(path);
    this.#limits = cacheRepository(this.#root) ?? this.#root;
  }

  /** The folder at `path` in this one, or undefined. Throws a `UserError` for a link to outside. */
  folder(path: string): DataFolder | undefined {
    const at = this.at(path);
    if (!isFolder(at)) return undefined;
    this.#inside(path, realpathSync(at));
    return new DataFolder(at, "", this.remarks);
  }

  /** Whether there is a folder at `path`, or a link to one. */
  isFolder(path: string): boolean {
    return isFolder(this.at(path));
  }

  hasFile(path: string): boolean {
    if (kindOf(this.at(path)) === "file") return true;
    const similar = this.#similar(path);
    return similar !== undefined && kindOf(this.at(similar.name)) === "file";
  }

  /** The full path of `path`, for messages. */
  at(path: string): string {
    return join(this.path, path);
  }

  /**
   * The entries of the folder at `path`, by name, without those that operating systems add, and without hidden
   * ones unless they are asked for. A link does not count as a folder.
   */
  list(path = ".", { hidden = false } = {}): FolderEntry[] {
    const isTop = path === ".";
    const entries = (isTop ? this.#top : undefined) ?? this.#read(path);
    if (isTop) this.#top = entries;
    return hidden ? entries : entries.filter(({ name }) => !name.startsWith("."));
  }

  #read(path: string): FolderEntry[] {
    try {
      return readdirSync(this.#inside(path, realpathSync(this.at(path))), { withFileTypes: true })
        .filter(({ name }) => !isClutter(name))
        .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory(), isLink: entry.isSymbolicLink() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** Opens a file and returns what `use` returns. Throws a `UserError` that names an unreadable file. */
  use<T>(path: string, use: (file: number, size: number) => T): T {
    try {
      const file = this.#open(path);
      try {
        const stat = fstatSync(file);
        if (!stat.isFile()) throw new UserError(`${this.at(path)}: is not a file`, { code: "file.invalid" });
        return use(file, stat.size);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** The content of a list file. Throws a `UserError` if it is unreadable or larger than `LIST_BYTES`. */
  readList(path: string): Buffer {
    return this.use(path, (file, size) => {
      this.#limit(path, size, LIST_BYTES);
      return readFileSync(file);
    });
  }

  /** The text of a list file, decoded by `decodeText`. Throws a `UserError` if it is a web page, for example. */
  readTextList(path: string): string {
    const bytes = this.readList(path);
    const impostor = describeImpostor(bytes);
    if (impostor !== undefined)
      throw new UserError(`${this.at(path)}: ${impostor}`, { code: "data.invalid" });
    const { text, note } = decodeText(bytes);
    if (note !== undefined) this.remarks?.note(path, note);
    return text;
  }

  /**
   * The content of an image or caption file, or the `length` bytes of it beginning at byte `from`. Rejects
   * with a `UserError` that names the file when it is unreadable, or when that is more than `limit` bytes.
   */
  async read(path: string, { limit = IMAGE_BYTES, from = 0, length }: ReadOptions = {}): Promise<Buffer> {
    try {
      // Opening is done synchronously: handing such short work to a thread takes several times as long.
      const file = this.#open(path);
      try {
        const found = fstatSync(file);
        if (!found.isFile()) throw new UserError(`${this.at(path)}: is not a file`, { code: "file.invalid" });
        const bytes = length ?? found.size - from;
        this.#limit(path, bytes, limit);
        const buffer = Buffer.allocUnsafe(bytes);
        const count =
          bytes <= SMALL_BYTES
            ? readSync(file, buffer, 0, bytes, from)
            : (await readOnThread(file, buffer, 0, bytes, from)).bytesRead;
        if (count < bytes)
          throw new UserError(`${this.at(path)}: changed while it was read`, { code: "data.invalid" });
        return buffer;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** A text that changes when the file at `path` is replaced or changed. */
  async stamp(path: string): Promise<string> {
    try {
      return stampOf(this.at(path));
    } catch (error) {
      const similar = isMissing(error) ? this.#similar(path) : undefined;
      if (similar) return this.stamp(similar.name);
      return String((error as NodeJS.ErrnoException).code);
    }
  }

  #open(path: string): number {
    try {
      return openSync(this.#inside(path, realpathSync.native(this.at(path))), READ);
    } catch (error) {
      const similar = isMissing(error) ? this.#similar(path) : undefined;
      if (!similar) throw error;
      this.remarks?.note(path, similar.note);
      return openSync(this.#inside(path, realpathSync.native(this.at(similar.name))), READ);
    }
  }

  /** The path of the file or folder that `path` nearly equals, if it is another path. */
  #similar(path: string): Required<FoundName> | undefined {
    let folder = ".";
    let note: string | undefined;
    for (const part of posix.normalize(path).split("/")) {
      if (!this.#names.has(folder)) this.#names.set(folder, this.#namesIn(folder));
      const found = this.#names.get(folder)?.find(part);
      if (!found) return undefined;
      note ??= found.note;
      folder = posix.join(folder, found.name);
    }
    return note === undefined ? undefined : { name: folder, note };
  }

  #namesIn(folder: string): NameIndex | undefined {
    try {
      return new NameIndex(this.list(folder, { hidden: true }).map(({ name }) => name));
    } catch {
      return undefined;
    }
  }

  #inside(path: string, target: string): string {
    const limits = this.#limits.endsWith(sep) ? this.#limits : this.#limits + sep;
    if (target === this.#limits || target.startsWith(limits)) return target;
    throw new UserError(
      `${this.at(path)}: is a link to outside the folder, and such links are not followed: ` +
        "give the target's own path, or copy the folder with its files by cp -rL",
      { code: "file.invalid" },
    );
  }

  #limit(path: string, bytes: number, limit: number): void {
    if (bytes <= limit) return;
    const mebibytes = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`;
    throw new UserError(`${this.at(path)}: has ${mebibytes(bytes)}; at most ${mebibytes(limit)} are read`, {
      code: "data.invalid",
    });
  }

  #unreadable(path: string, error: unknown): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof UserError || code === undefined) return error;
    if (code === "ENOENT" && lstatSync(this.at(path), { throwIfNoEntry: false })?.isSymbolicLink()) {
      return new UserError(
        `${this.at(path)}: is a link to a file that does not exist: copy or download it again`,
        { code: "file.missing" },
      );
    }
    if (code === "ENOENT" && path.includes("\ufffd")) {
      return new UserError(
        `${this.at(path)}: its name is not UTF-8, and such files are not read: rename it, with convmv for example`,
        { code: "file.invalid" },
      );
    }
    const problem = code === "ENOENT" ? "does not exist" : "cannot be read";
    return new UserError(`${this.at(path)}: ${problem} (${code})`, { code: "file.invalid" });
  }
}

export interface FolderEntry {
  name: string;
  isFolder: boolean;
  /** Whether it is a link, to whatever. */
  isLink: boolean;
}

export interface ReadOptions {
  limit?: number;
  from?: number;
  length?: number;
}

/** Normalizes `path`; undefined if it is not a relative path that stays inside its folder. */
export function insidePath(path: string): string | undefined {
  const normal = posix.normalize(path);
  // A backslash separates folders on Windows. It is rejected everywhere, so that data sets are portable.
  const leaves =
    normal.length > MAX_PATH_LENGTH ||
    isAbsolute(normal) ||
    /^[A-Za-z]:/.test(normal) ||
    /[\\\0]/.test(normal) ||
    normal.split("/").includes("..");
  return leaves ? undefined : normal;
}

/** In characters. The limit of macOS; no data set is near it. */
const MAX_PATH_LENGTH = 1024;

/** The largest list read here, of COCO's captions, has 91 MB. */
const LIST_BYTES = 256 * 2 ** 20;

/** Far above the size of any photograph. */
const IMAGE_BYTES = 128 * 2 ** 20;

/** Up to this size, such as that of a caption file, a synchronous read is faster. */
const SMALL_BYTES = 2 ** 14;

const readOnThread = promisify(read);

/** Without O_NONBLOCK, opening a pipe would wait for a writer. Windows does not have the flag. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

function stampOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} bytes of ${mtimeMs}`;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

function isFolder(path: string): boolean {
  return kindOf(path) === "folder";
}

function kindOf(path: string): "file" | "folder" | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() ? "file" : stat.isDirectory() ? "folder" : undefined;
  } catch {
    return undefined;
  }
}
