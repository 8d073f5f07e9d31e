/** The pixels of a prepared folder, as threads share them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { UserError } from "../errors.js";
import { onDisk } from "../system-errors.js";

/** The pictures of a split. Posted to another thread, it is the same memory there, or the same open file. */
export interface StoredPixels {
  /** The file that they are in. */
  file: string;
  /** Bytes of one picture, [storedSize, storedSize, 3]. */
  pictureBytes: number;
  /** All of the file, or its descriptor. */
  held: SharedArrayBuffer | number;
}

/**
 * Opens a file of `count` pictures. They stay in memory where they are fewer than `memoryLimit` bytes; otherwise the
 * file stays open, so that whatever becomes of its name, all threads go on reading what was opened.
 * Throws a `UserError` that names the file when it cannot be read or has another size.
 */
export function openPixels(
  file: string,
  count: number,
  pictureBytes: number,
  memoryLimit: number,
): StoredPixels {
  const handle = openSized(file, count, pictureBytes);
  if (count * pictureBytes >= memoryLimit) return { file, pictureBytes, held: handle };
  const held = new SharedArrayBuffer(count * pictureBytes);
  try {
    readFully(handle, new Uint8Array(held), 0, file);
  } finally {
    closeSync(handle);
  }
  return { file, pictureBytes, held };
}

/** What gives picture `index`: valid until the next call, not to be written to. One for each thread. */
export function pixelReader({ file, pictureBytes, held }: StoredPixels): (index: number) => Uint8Array {
  if (typeof held !== "number") return (index) => new Uint8Array(held, index * pictureBytes, pictureBytes);
  const picture = new Uint8Array(pictureBytes);
  return (index) => {
    readFully(held, picture, index * pictureBytes, file);
    return picture;
  };
}

/** Closes the file, when no thread reads any more. */
export function closePixels({ held }: StoredPixels): void {
  if (typeof held === "number") closeSync(held);
}

/** Opens a file of `count` pictures for reading, or says why not. */
function openSized(file: string, count: number, pictureBytes: number): number {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}). Prepare the data again.`);
  }
  const { size } = fstatSync(handle);
  if (size === count * pictureBytes) return handle;
  closeSync(handle);
  throw new UserError(
    `${file}: has ${size} bytes, and ${count} pictures of ${pictureBytes} bytes make ${count * pictureBytes}. ` +
      "Prepare the data again.",
  );
}

function readFully(handle: number, into: Uint8Array, position: number, file: string): void {
  let done = 0;
  while (done < into.length) {
    const count = onDisk(file, () => readSync(handle, into, done, into.length - done, position + done));
    if (count === 0) throw new UserError(`${file}: ends before byte ${position + into.length}.`);
    done += count;
  }
}
