import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "@sdgan/core";
import { checksum } from "@sdgan/images";
import { FILES, forEachSplit, SPLITS, sumOfSplits } from "./format.js";
import { openPrepared } from "./prepared.js";

export interface VerifyOptions {
  /** Called after each image. */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Stops the verification, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Reads all images in the prepared folder `dir` and compares their checksums. Returns the number of images.
 * Rejects with a `UserError` that names the file and the number of damaged images in it.
 */
export async function verifyPrepared(dir: string, { onProgress, signal }: VerifyOptions = {}) {
  const prepared = openPrepared(dir, { memoryLimit: 0 });
  try {
    const { splits } = prepared;
    const total = sumOfSplits(forEachSplit((split) => splits[split].images.length));
    let done = 0;
    for (const split of SPLITS) {
      const { images, pixels } = splits[split];
      const damaged: string[] = [];
      for (let i = 0; i < images.length; i++) {
        const { id, xxh64 } = images.at(i);
        if (checksum(pixels(i)) !== xxh64) damaged.push(id);
        onProgress?.({ done: ++done, total });
        if (done % 256 === 0) await setImmediate();
        signal?.throwIfAborted();
      }
      if (damaged.length > 0) {
        throw new UserError(
          `${join(dir, FILES.pixels[split])}: ${damaged.length} of ${images.length} images are damaged, ` +
            `the first is ${damaged[0]}. Prepare the data again; if that does not help, the disk is failing.`,
          { code: "data.invalid" },
        );
      }
    }
    return total;
  } finally {
    prepared.close();
  }
}
