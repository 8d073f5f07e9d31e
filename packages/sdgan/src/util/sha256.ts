import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { onDisk } from "./system-errors.js";

/** SHA-256 of a file in hexadecimal digits. Names of published weights end in the first eight. */
export function sha256Of(path: string): string {
  requireFile(path);
  const hash = createHash("sha256");
  const piece = Buffer.alloc(2 ** 20);
  const file = onDisk(path, () => openSync(path, "r"));
  try {
    for (let count = 1; count > 0; ) {
      count = onDisk(path, () => readSync(file, piece));
      hash.update(piece.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/**
 * Refuses folders, pipes and devices: a pipe might never end.
 * @throws UserError
 */
export function requireFile(path: string): void {
  if (!onDisk(path, () => statSync(path)).isFile())
    throw new UserError(`${path}: is not a regular file; expected a file of weights`, {
      code: "file.invalid",
    });
}
