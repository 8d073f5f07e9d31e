import { closeSync, openSync, readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { loadPytorch, loadSafetensors, type NamedTensor, tensorsIn } from "@sdgan/torch";
import { requireFile } from "../util/sha256.js";
import { onDisk } from "../util/system-errors.js";
import { isShardIndex, partsOf, requireWhole } from "./shards.js";

/**
 * The tensors of a safetensors file, of a PyTorch checkpoint (`.pth`, `.pt`, `.bin`, `.ckpt`), or of the parts that an
 * index lists (`model.safetensors.index.json`). A file's format does not depend on its name.
 * @throws UserError that names the file, what is wrong with it, and `remedy`
 */
export function readWeights(path: string, remedy: string): NamedTensor[] {
  requireFile(path);
  if (!isShardIndex(path)) {
    requireWhole(path);
    return readOne(path, remedy);
  }
  return partsOf(path).flatMap(({ file, names }) => {
    requireFile(file);
    const found = new Map(readOne(file, remedy).map((entry) => [entry.name, entry]));
    return names.map((name) => {
      const entry = found.get(name);
      if (entry) return entry;
      throw new UserError(
        `${file}: has no tensor ${name}, which ${path} says it has: download both again, of the same version`,
        { code: "file.invalid" },
      );
    });
  });
}

function readOne(path: string, remedy: string): NamedTensor[] {
  try {
    if (!isSafetensors(path)) return tensorsIn(loadPytorch(path));
    return Array.from(loadSafetensors(path).tensors, ([name, tensor]) => ({ name, key: name, tensor }));
  } catch (error) {
    const { message } = error as Error;
    throw new UserError(`${message.includes(path) ? message : `${path}: ${message}`}; ${remedy}`, {
      code: "file.invalid",
      cause: error,
    });
  }
}

/** By the byte at which the JSON header begins; by the name only where that is not clear. */
function isSafetensors(path: string): boolean {
  const begin = onDisk(path, () => firstBytes(path, 9));
  if (begin[8] === "{") return true;
  return path.endsWith(".safetensors") && !begin.startsWith("PK") && !begin.startsWith("\x80");
}

function firstBytes(path: string, count: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(count);
    readSync(file, bytes, 0, count, 0);
    return bytes.toString("latin1");
  } finally {
    closeSync(file);
  }
}
