/**
 * Reads PyTorch's checkpoints, the files of `torch.save`, in the zip format of 1.6 and later and in the legacy format.
 * Both have a pickle in which tensors refer to storages, and the storages' bytes.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { readAll } from "../file.js";
import { describeForeign, isPickle } from "../foreign-files.js";
import { scope } from "../scope.js";
import { loadLegacy } from "./legacy.js";
import { loadZip } from "./zip-format.js";

/**
 * Returns the object in a checkpoint: tensors on the CPU, in Maps and arrays as from `readPickle` of
 * `@sdgan/torch/pickle`. No code of the file is run; only tensors and plain containers are read.
 *
 * - dtypes: those of this package; complex, quantized and sparse tensors are refused.
 * - Tensors that shared a storage share it here too: writing to one changes the other. A view keeps the
 *   whole storage in memory; `clone()` makes an independent copy. Views keep their strides.
 * - A tensor's device (`cuda:1`), whether it requires gradients, and attributes of dictionaries are dropped.
 * - Storages are read piece by piece, so little more memory is needed than that of the tensors.
 *
 * @throws {Error} with the file's name and the reason, for every invalid file
 */
export function loadPytorch(path: string): unknown {
  const file = openSync(path, "r");
  try {
    return scope(() => load(file, fstatSync(file).size, path));
  } catch (error) {
    throw new Error(`${path} cannot be read as a PyTorch checkpoint: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    closeSync(file);
  }
}

function load(file: number, size: number, path: string): unknown {
  const begin = readAll(file, 0, Math.min(size, 64)).toString("latin1");
  if (begin.startsWith("PK")) return loadZip(file, size);
  if (begin.includes(MAGIC_BYTES)) return loadLegacy(file, size);
  const foreign = describeForeign(file, size, path);
  if (foreign !== undefined) throw new Error(`it ${foreign}`);
  if (begin.trimStart().startsWith("<"))
    throw new Error("it is a web page, not the file: download the file itself");
  if (isSafetensors(begin))
    throw new Error("it is a safetensors file: give it a name that ends in .safetensors");
  try {
    return loadLegacy(file, size);
  } catch (error) {
    if (!isPickle(begin)) throw error;
    throw new Error(
      `${(error as Error).message}. It is a Python pickle that torch.save did not write: in PyTorch, save the state_dict ` +
        "with torch.save(state, FILE)",
      { cause: error },
    );
  }
}

/** The magic number of the legacy format, as it is in pickles of protocol 2 and later. */
const MAGIC_BYTES = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/** A header's length below 2⁴⁰, and the header. */
function isSafetensors(begin: string): boolean {
  return begin.startsWith("\0\0\0{", 5);
}
