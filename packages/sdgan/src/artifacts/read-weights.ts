import { closeSync, openSync, readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { loadPytorch, loadSafetensors, stateDictOf, type Tensor } from "@sdgan/torch";
import { requireFile } from "../util/sha256.js";
import { onDisk } from "../util/system-errors.js";

/**
 * The tensors of a safetensors file or a PyTorch checkpoint by name (`.pth`, `.pt`, `.bin`).
 * @throws UserError that names the file, what is wrong with it, and `remedy`
 */
export function readWeights(path: string, remedy: string): Map<string, Tensor> {
  requireFile(path);
  const isSafetensors = path.endsWith(".safetensors") || onDisk(path, () => ninthByte(path)) === "{";
  try {
    return isSafetensors ? loadSafetensors(path).tensors : stateDictOf(loadPytorch(path));
  } catch (error) {
    const { message } = error as Error;
    throw new UserError(`${message.includes(path) ? message : `${path}: ${message}`}; ${remedy}`, {
      code: "file.invalid",
      cause: error,
    });
  }
}

/** The byte at which the JSON header of a safetensors file begins. */
function ninthByte(path: string): string {
  const file = openSync(path, "r");
  try {
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, 8);
    return byte.toString("latin1");
  } finally {
    closeSync(file);
  }
}
