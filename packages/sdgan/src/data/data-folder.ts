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
 * Read access to a folder of untrusted data. Nothing outside of the folder is read, whatever paths and links
 * its files contain. Only regular files up to a size limit are read: opening a pipe could block forever.
 */
export class DataFolder {
  /** The path as the user gave it, for messages. */
  readonly path: string;
  /** The real path, with all links resolved. */
  readonly #root: string;

  /** Throws a `UserError` when `path` is not a folder; `remedy` is the end of its message. */
  constructor(path: string, remedy: string) {
    if (!isFolder(path)) throw new UserError(`${path}: no such folder. ${remedy}`, { code: "file.missing" });
    this.path = path;
    this.#root = realpathSync(path);
  }

  /** The folder at `path` in this one, or undefined. Throws a `UserError` for a link to outside. */
  folder(path: string): DataFolder | undefined {
    const at = this.at(path);
    if (!isFolder(at)) return undefined;
    this.#inside(path, realpathSync(at));
    return new DataFolder(at, "");
  }

  hasFile(path: string): boolean {
    return kindOf(this.at(path)) === "file";
  }

  /** The full path of `path`, for messages. */
  at(path: string): string {
    return join(this.path, path);
  }

  /** The entries of the folder at `path`, by name, without hidden ones. A link does not count as a folder. */
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

  /** Opens a file and returns what `use` returns. Throws a `UserError` that names an unreadable file. */
  use<T>(path: string, use: (file: number, size: number) => T): T {
    try {
      const file = openSync(this.#inside(path, realpathSync(this.at(path))), READ);
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

  /** The text of a list file in UTF-8, without its byte order mark. */
  readTextList(path: string): string {
    return this.readList(path)
      .toString("utf8")
      .replace(/^\ufeff/, "");
  }

  /**
   * The content of an image or caption file, or the `length` bytes of it beginning at byte `from`. Rejects
   * with a `UserError` that names the file when it is unreadable, or when that is more than `limit` bytes.
   */
  async read(path: string, { limit = IMAGE_BYTES, from = 0, length }: ReadOptions = {}): Promise<Buffer> {
    try {
      // Opening is done synchronously: handing such short work to a thread takes several times as long.
      const file = openSync(this.#inside(path, realpathSync.native(this.at(path))), READ);
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
      const { size, mtimeMs } = statSync(this.at(path));
      return `${size} bytes of ${mtimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  }

  #inside(path: string, target: string): string {
    const root = this.#root.endsWith(sep) ? this.#root : this.#root + sep;
    if (target === this.#root || target.startsWith(root)) return target;
    throw new UserError(
      `${this.at(path)}: is a link to outside the folder, and such links are not followed`,
      {
        code: "file.invalid",
      },
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
    return new UserError(`${this.at(path)}: cannot be read (${code})`, { code: "file.invalid" });
  }
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
