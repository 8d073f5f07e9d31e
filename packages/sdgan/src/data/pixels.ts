/** The pixels of a prepared folder, as threads share them. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";

/** The images of a split. Posted to another thread, it is the same memory there, or the same open file. */
export interface StoredPixels {
  /** The file that they are in. */
  file: string;
  /** Bytes of one image, [storedSize, storedSize, 3]. */
  imageBytes: number;
  /** All of the file, or its descriptor. */
  held: SharedArrayBuffer | number;
}

/**
 * Opens a file of `count` images. They stay in memory where they are fewer than `memoryLimit` bytes; otherwise the
 * file stays open, so that whatever becomes of its name, all threads go on reading what was opened.
 * Throws a `UserError` that names the file when it cannot be read or has another size.
 */
export function openPixels(
  file: string,
  count: number,
  imageBytes: number,
  memoryLimit: number,
): StoredPixels {
  const handle = openSized(file, count, imageBytes);
  if (count * imageBytes >= memoryLimit) return { file, imageBytes, held: handle };
  const held = new SharedArrayBuffer(count * imageBytes);
  try {
    readFully(handle, new Uint8Array(held), 0, file);
  } finally {
    closeSync(handle);
  }
  return { file, imageBytes, held };
}

/** What gives image `index`: valid until the next call, not to be written to. One for each thread. */
export function pixelReader({ file, imageBytes, held }: StoredPixels): (index: number) => Uint8Array {
  if (typeof held !== "number") return (index) => new Uint8Array(held, index * imageBytes, imageBytes);
  const image = new Uint8Array(imageBytes);
  return (index) => {
    readFully(held, image, index * imageBytes, file);
    return image;
  };
}

/** Closes the file, when no thread reads any more. */
export function closePixels({ held }: StoredPixels): void {
  if (typeof held === "number") closeSync(held);
}

/** Opens a file of `count` images for reading, or says why not. */
function openSized(file: string, count: number, imageBytes: number): number {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}). Prepare the data again.`, {
      code: "data.invalid",
    });
  }
  const { size } = fstatSync(handle);
  if (size === count * imageBytes) return handle;
  closeSync(handle);
  throw new UserError(
    `${file}: has ${size} bytes, and ${count} images of ${imageBytes} bytes make ${count * imageBytes}. ` +
      "Prepare the data again.",
    { code: "data.invalid" },
  );
}

function readFully(handle: number, into: Uint8Array, position: number, file: string): void {
  let done = 0;
  while (done < into.length) {
    const count = onDisk(file, () => readSync(handle, into, done, into.length - done, position + done));
    if (count === 0)
      throw new UserError(`${file}: ends before byte ${position + into.length}.`, { code: "data.invalid" });
    done += count;
  }
}
