/** Reads and writes text files that are too large for memory, line by line. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { onDisk } from "../util/system-errors.js";

/** The lines of a file, each with the byte offset of its end. An incomplete last line is ignored. */
export function* readLines(path: string): Generator<{ text: string; end: number }> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(2 ** 20);
    let rest: Buffer = Buffer.alloc(0);
    let end = 0;
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      let begin = 0;
      for (let next = bytes.indexOf(10); next >= 0; next = bytes.indexOf(10, begin)) {
        end += next + 1 - begin;
        yield { text: bytes.toString("utf8", begin, next), end };
        begin = next + 1;
      }
      rest = Buffer.from(bytes.subarray(begin));
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Writes a new file line by line. Throws a `UserError` that names it when the file system reports an error.
 */
export class LineWriter implements Disposable {
  readonly #path: string;
  readonly #file: number;
  readonly #hash = createHash("sha256");
  #buffered: string[] = [];
  #length = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = onDisk(path, () => openSync(path, "w"));
  }

  write(line: string): void {
    this.#buffered.push(line, "\n");
    this.#length += line.length;
    if (this.#length > 2 ** 20) this.#flush();
  }

  /** Writes the rest; returns the SHA-256 of the whole file. */
  finish(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#buffered.join(""));
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length; )
      done += onDisk(this.#path, () => writeSync(this.#file, bytes, done));
    this.#buffered = [];
    this.#length = 0;
  }
}
