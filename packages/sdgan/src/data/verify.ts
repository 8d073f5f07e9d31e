import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { checksum } from "@sdgan/pictures";
import { UserError } from "../errors.js";
import { FILES, SPLITS } from "./format.js";
import { openPrepared } from "./prepared.js";

export interface VerifyOptions {
  /** Called after each picture. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Ends the work; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Reads every byte of the pictures in the prepared folder `dir`, and compares it with its checksum. Returns how many
 * pictures there are. Rejects with a `UserError` that names the file, and how many pictures of it are damaged.
 */
export async function verifyPrepared(dir: string, { onProgress, signal }: VerifyOptions = {}) {
  const prepared = openPrepared(dir, { memoryLimit: 0 });
  try {
    const { splits } = prepared;
    const total = splits.train.pictures.length + splits.test.pictures.length;
    let done = 0;
    for (const split of SPLITS) {
      const { pictures, pixels } = splits[split];
      const damaged: string[] = [];
      for (let i = 0; i < pictures.length; i++) {
        const { id, xxh64 } = pictures.at(i);
        if (checksum(pixels(i)) !== xxh64) damaged.push(id);
        onProgress?.({ done: ++done, total });
        if (done % 256 === 0) await setImmediate();
        signal?.throwIfAborted();
      }
      if (damaged.length > 0) {
        throw new UserError(
          `${join(dir, FILES.pixels[split])}: ${damaged.length} of ${pictures.length} pictures are damaged, ` +
            `the first is ${damaged[0]}. Prepare the data again; if that does not help, the disk is failing.`,
        );
      }
    }
    return total;
  } finally {
    prepared.close();
  }
}
