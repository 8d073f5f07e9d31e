/**
 * The format before PyTorch 1.6: five pickles (a magic number, the format's version, the machine's properties, the object,
 * the storages' keys), then each storage's length and elements in the order of the keys.
 */
import { elementSize } from "../dtype.js";
import { readAll } from "../file.js";
import { PickleEnd, type PickleOptions, readPickleAt } from "../pickle/index.js";
import { shown } from "../shown.js";
import { tensorGlobals } from "./rebuild.js";
import { fill, Storages } from "./storages.js";

export const READS = "tensors and plain containers, as in a state_dict,";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;

/** Bytes read for the pickles at first, and at most. */
const FIRST_WINDOW = 2 ** 20;
const LARGEST_WINDOW = 2 ** 28;

export function loadLegacy(file: number, size: number): unknown {
  const { value, keys, storages, end } = readPickles(file, size);
  let position = end;
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage) throw new Error("it lists a storage that no tensor uses");
    if (position + 8 > size)
      throw new Error(`it ends before its storage ${shown(storage.key)}: it is truncated`);
    const length = Number(readAll(file, position, 8).readBigUInt64LE());
    position += 8;
    if (length !== storage.length) {
      throw new Error(
        `its storage ${shown(storage.key)} has ${length} elements, but its tensors need ${storage.length}`,
      );
    }
    const bytes = length * elementSize[storage.dtype];
    if (position + bytes > size)
      throw new Error(`it ends within its storage ${shown(storage.key)}: it is truncated`);
    fill(storage, file, position);
    position += bytes;
  }
  if (position !== size) throw new Error(`it has ${size - position} bytes after its last storage`);
  return value;
}

/** Reads all pickles. Their lengths are known only after reading them. */
function readPickles(file: number, size: number) {
  const largest = Math.min(size, LARGEST_WINDOW);
  for (let window = Math.min(largest, FIRST_WINDOW); ; window = Math.min(largest, 4 * window)) {
    try {
      return readPicklesIn(readAll(file, 0, window), size);
    } catch (error) {
      if (!(error instanceof PickleEnd) || window === largest) throw error;
    }
  }
}

function readPicklesIn(bytes: Uint8Array, size: number) {
  let end = 0;
  const next = (options?: PickleOptions): unknown => {
    const result = readPickleAt(bytes, end, { reads: READS, ...options });
    end = result.end;
    return result.value;
  };
  if (next() !== MAGIC) throw new Error("it does not start like one");
  const version = next();
  if (version !== VERSION) throw new Error(`its format's version is not ${VERSION}`);
  const machine = next();
  if (!(machine instanceof Map) || machine.get("little_endian") !== true)
    throw new Error("it was written on a big-endian machine");
  const storages = new Storages(size);
  const value = next({ globals: tensorGlobals(4 * size + 2 ** 20), persistentLoad: storages.load });
  const keys = next();
  if (!Array.isArray(keys) || new Set(keys).size !== keys.length || keys.length !== storages.size)
    throw new Error("its list of storages differs from those of its tensors");
  return { value, keys, storages, end };
}
