import {
  closeSync,
  constants,
  fstatSync,
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
import { UserError } from "@sdgan/core";

/**
 * A folder of somebody's data. Its files name other files, and some of them lie: whatever paths and links stand
 * there, nothing outside of the folder is read, nothing that is no file (a pipe would be waited for without end),
 * and nothing larger than there is room for.
 */
export class DataFolder {
  /** As the user named it, for messages. */
  readonly path: string;
  /** The folder itself, behind all links. */
  readonly #root: string;

  /** Throws a `UserError` when `path` is no folder; `remedy` ends its message. */
  constructor(path: string, remedy: string) {
    if (!isFolder(path)) throw new UserError(`${path}: no such folder. ${remedy}`, { code: "file.missing" });
    this.path = path;
    this.#root = realpathSync(path);
  }

  /** The folder at `path` inside, or undefined if there is none. Throws a `UserError` for a link that leaves. */
  folder(path: string): DataFolder | undefined {
    const at = this.at(path);
    if (!isFolder(at)) return undefined;
    this.#inside(path, realpathSync(at));
    return new DataFolder(at, "");
  }

  hasFile(path: string): boolean {
    return kindOf(this.at(path)) === "file";
  }

  /** Where `path` is, for messages. */
  at(path: string): string {
    return join(this.path, path);
  }

  /** What is in the folder at `path`, by name; hidden entries are left out, and no link counts as a folder. */
  list(path = "."): { name: string; isFolder: boolean }[] {
    try {
      return readdirSync(this.#inside(path, realpathSync(this.at(path))), { withFileTypes: true })
        .filter(({ name }) => !name.startsWith("."))
        .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** What `use` makes of the open file at `path`. Throws a `UserError` that names a file that cannot be read. */
  use<T>(path: string, use: (file: number, size: number) => T): T {
    try {
      const file = openSync(this.#inside(path, realpathSync(this.at(path))), READ);
      try {
        const stat = fstatSync(file);
        if (!stat.isFile()) throw new UserError(`${this.at(path)}: is no file`, { code: "file.invalid" });
        return use(file, stat.size);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** A list: all of a file of at most `LIST_BYTES`. Throws a `UserError` that names it when that cannot be had. */
  readList(path: string): Buffer {
    return this.use(path, (file, size) => {
      this.#limit(path, size, LIST_BYTES);
      return readFileSync(file);
    });
  }

  /** A list in UTF-8, without its byte order mark. */
  readTextList(path: string): string {
    return this.readList(path)
      .toString("utf8")
      .replace(/^\ufeff/, "");
  }

  /**
   * An image or its captions: all of a file, or the part `from` a byte, `length` bytes long, at most `limit` bytes.
   * Rejects with a `UserError` that names it when that cannot be had.
   */
  async read(path: string, { limit = IMAGE_BYTES, from = 0, length }: ReadOptions = {}): Promise<Buffer> {
    try {
      // What is quickly done is done here: to have it done by another thread costs several times as much.
      const file = openSync(this.#inside(path, realpathSync.native(this.at(path))), READ);
      try {
        const found = fstatSync(file);
        if (!found.isFile()) throw new UserError(`${this.at(path)}: is no file`, { code: "file.invalid" });
        const bytes = length ?? found.size - from;
        this.#limit(path, bytes, limit);
        const buffer = Buffer.allocUnsafe(bytes);
        const count =
          bytes <= SMALL_BYTES
            ? readSync(file, buffer, 0, bytes, from)
            : (await readOnThread(file, buffer, 0, bytes, from)).bytesRead;
        if (count < bytes)
          throw new UserError(`${this.at(path)}: has changed while it was read`, { code: "data.invalid" });
        return buffer;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw this.#unreadable(path, error);
    }
  }

  /** Another text when the file at `path` has been replaced or changed. */
  async stamp(path: string): Promise<string> {
    try {
      const { size, mtimeMs } = statSync(this.at(path));
      return `${size} bytes of ${mtimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  }

  #inside(path: string, target: string): string {
    const root = this.#root.endsWith(sep) ? this.#root : this.#root + sep;
    if (target === this.#root || target.startsWith(root)) return target;
    throw new UserError(`${this.at(path)}: is a link that leaves the folder, and is not followed`, {
      code: "file.invalid",
    });
  }

  #limit(path: string, bytes: number, limit: number): void {
    if (bytes <= limit) return;
    const mebibytes = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`;
    throw new UserError(
      `${this.at(path)}: has ${mebibytes(bytes)}, but at most ${mebibytes(limit)} are read`,
      { code: "data.invalid" },
    );
  }

  #unreadable(path: string, error: unknown): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof UserError || code === undefined) return error;
    return new UserError(`${this.at(path)}: cannot be read (${code})`, { code: "file.invalid" });
  }
}

export interface ReadOptions {
  limit?: number;
  from?: number;
  length?: number;
}

/** `path` without "." and doubled slashes, or undefined where it is no path of a file that stays inside a folder. */
export function insidePath(path: string): string | undefined {
  const normal = posix.normalize(path);
  // A backslash parts folders on Windows: refused there and here alike, so that a data set is good everywhere.
  const leaves =
    normal.length > LONGEST_PATH ||
    isAbsolute(normal) ||
    /^[A-Za-z]:/.test(normal) ||
    /[\\\0]/.test(normal) ||
    normal.split("/").includes("..");
  return leaves ? undefined : normal;
}

/** Characters. macOS has no longer ones; no data set comes near it. */
const LONGEST_PATH = 1024;

/** COCO's largest list of captions has 91 MB. */
const LIST_BYTES = 256 * 2 ** 20;

/** Far above any photograph. */
const IMAGE_BYTES = 128 * 2 ** 20;

/** A file of captions, say. */
const SMALL_BYTES = 2 ** 14;

const readOnThread = promisify(read);

/** Without O_NONBLOCK, opening a pipe would wait for somebody to write. Windows has none of it. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

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
