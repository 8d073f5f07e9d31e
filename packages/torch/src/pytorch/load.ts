/**
 * PyTorch's checkpoints: what `torch.save` writes, in the zip format of 1.6 and later, and in the one before.
 * Both are a pickle in which tensors refer to storages, and the storages' bytes.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { readAll } from "../file.js";
import { scope } from "../scope.js";
import { loadLegacy } from "./legacy.js";
import { loadZip } from "./zip-format.js";

/**
 * The object that a checkpoint holds: tensors on the CPU, in Maps and arrays as `readPickle` of `@sdgan/torch/pickle`
 * has them. Nothing that the file asks for is run; only tensors and plain containers are read.
 *
 * - dtypes: those of this package; complex, quantized and sparse tensors are refused.
 * - Tensors that shared a storage share it here too: what is written into one is seen in the other. A view keeps the
 *   whole storage in memory; `clone()` gives what is one's own. Views keep their strides.
 * - Where a tensor was (`cuda:1`), whether it took part in gradients, and attributes of dictionaries are dropped.
 * - Storages are read piece by piece: little is taken beside the tensors.
 *
 * @throws {Error} that names the file and what is wrong, whatever its bytes are
 */
export function loadPytorch(path: string): unknown {
  const file = openSync(path, "r");
  try {
    return scope(() => load(file, fstatSync(file).size));
  } catch (error) {
    throw new Error(`${path} cannot be read as a PyTorch checkpoint: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    closeSync(file);
  }
}

function load(file: number, size: number): unknown {
  const begin = readAll(file, 0, Math.min(size, 64)).toString("latin1");
  if (begin === "") throw new Error("it is empty");
  if (begin.startsWith("PK")) return loadZip(file, size);
  if (begin.startsWith("version https://git-lfs"))
    throw new Error("it is git's pointer to a large file, not the file: fetch it with `git lfs pull`");
  if (/^\s*</.test(begin)) throw new Error("it is a web page, not the file: download the file itself");
  return loadLegacy(file, size);
}
