/** The pixels of a prepared folder, shared between threads. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";

/**
 * The images of a split. Another thread that receives this object uses the same memory or the same open file.
 */
export interface StoredPixels {
  /** Path of the file. */
  file: string;
  /** Bytes of one image, [storedSize, storedSize, 3]. */
  imageBytes: number;
  /** The file's content, or its descriptor. */
  held: SharedArrayBuffer | number;
}

/**
 * Opens a file of `count` images. It is read into memory if it has fewer than `memoryLimit` bytes. Otherwise
 * the file stays open, so that all threads read the same file even if it is renamed or deleted.
 * Throws a `UserError` that names the file when it cannot be read or has the wrong size.
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

/** Returns a function that reads image `index`: read-only, valid until the next call. One per thread. */
export function pixelReader({ file, imageBytes, held }: StoredPixels): (index: number) => Uint8Array {
  if (typeof held !== "number") return (index) => new Uint8Array(held, index * imageBytes, imageBytes);
  const image = new Uint8Array(imageBytes);
  return (index) => {
    readFully(held, image, index * imageBytes, file);
    return image;
  };
}

/** Closes the file; call it when no thread reads any more. */
export function closePixels({ held }: StoredPixels): void {
  if (typeof held === "number") closeSync(held);
}

/** Opens a file for reading and checks that it has the size of `count` images. */
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
    `${file}: has ${size} bytes; expected ${count * imageBytes}: ${count} images of ${imageBytes} bytes. ` +
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
