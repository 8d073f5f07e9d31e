/** Complete reads and writes of an open file, of any length. */
import { readSync, writeSync } from "node:fs";

/** Bytes per call: the system accepts less than 2 GiB. */
const MOST = 2 ** 30;

/** Reads `length` bytes from `position`. Throws an error if the file ends before. */
export function readAll(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readInto(file, position, bytes);
  return bytes;
}

/** Fills `bytes` from `position`. Throws an error if the file ends before. */
export function readInto(file: number, position: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(file, bytes, done, Math.min(MOST, bytes.length - done), position + done);
    if (count === 0) throw new Error(`it ended at byte ${position + done} while it was read`);
    done += count;
  }
}

/** Writes all of `bytes` at the file's current position. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(file, bytes, done, Math.min(MOST, bytes.length - done));
}
