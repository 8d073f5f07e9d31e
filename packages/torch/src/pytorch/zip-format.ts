/**
 * The format since PyTorch 1.6: a zip file with the pickle as `NAME/data.pkl` and the bytes of the storage with key K as
 * `NAME/data/K`. https://pytorch.org/docs/stable/notes/serialization.html
 */
import { crc32 } from "node:zlib";
import { elementSize } from "../dtype.js";
import { readAll } from "../file.js";
import { readPickle } from "../pickle/index.js";
import { shown } from "../shown.js";
import { READS } from "./legacy.js";
import { tensorGlobals } from "./rebuild.js";
import { fill, Storages, type StoredStorage } from "./storages.js";
import { readZipEntries, type ZipEntry } from "./zip.js";

const PICKLE = "data.pkl";
const LONGEST_PICKLE = 2 ** 28;

export function loadZip(file: number, size: number): unknown {
  const entries = readZipEntries(file, size);
  const root = rootOf(entries);
  const byteOrder = entries.get(`${root}byteorder`);
  if (byteOrder && readEntry(file, byteOrder, 16).toString("latin1") !== "little")
    throw new Error("it was written on a big-endian machine");
  const storages = new Storages(size, (storage) =>
    fillFrom(file, entries.get(`${root}data/${storage.key}`), storage),
  );
  return readPickle(readEntry(file, entries.get(root + PICKLE)!, LONGEST_PICKLE), {
    globals: tensorGlobals(4 * size + 2 ** 20),
    persistentLoad: storages.load,
    reads: READS,
  });
}

/** The top-level folder in the zip file, with its slash. */
function rootOf(entries: ReadonlyMap<string, ZipEntry>): string {
  const roots = [...entries.keys()].flatMap((name) => /^([^/]*\/)data\.pkl$/.exec(name)?.[1] ?? []);
  if (roots.length === 0) throw new Error(`it ${describeArchive([...entries.keys()])}`);
  if (roots.length !== 1)
    throw new Error(`it is a zip file with ${roots.length} pickles (${PICKLE}); PyTorch writes one`);
  if (entries.has(`${roots[0]}constants.pkl`))
    throw new Error("it is a TorchScript program: in PyTorch, save the model's state_dict() instead");
  return roots[0]!;
}

/** A zip file that is not PyTorch's, by the names in it. */
function describeArchive(names: readonly string[]): string {
  const expected = `PyTorch's zip files have one pickle (${PICKLE})`;
  if (names.includes("model.weights.h5"))
    return `is a Keras model (.keras): give weights in PyTorch's or safetensors' format; ${expected}`;
  if (names.length > 0 && names.every((name) => name.endsWith(".npy")))
    return `is an archive of NumPy arrays (.npz): give weights in PyTorch's or safetensors' format; ${expected}`;
  const inside = names.slice(0, 3).map(shown).join(", ") || "nothing";
  return `is a zip archive with ${inside}${names.length > 3 ? ", …" : ""}: unpack it and give the file in it; ${expected}`;
}

function readEntry(file: number, entry: ZipEntry, most: number): Buffer {
  requireStored(entry);
  const { name, begin, size, crc } = entry;
  if (size > most) throw new Error(`${shown(name)} in it has ${size} bytes; up to ${most} are read`);
  const bytes = readAll(file, begin, size);
  requireSum(name, crc, crc32(bytes));
  return bytes;
}

function fillFrom(file: number, entry: ZipEntry | undefined, storage: StoredStorage): void {
  const { key, dtype, length } = storage;
  if (!entry) throw new Error(`its storage ${shown(key)} is missing`);
  const expected = length * elementSize[dtype];
  if (entry.size !== expected)
    throw new Error(
      `its storage ${shown(key)} has ${entry.size} bytes; ${length} elements of ${dtype} need ${expected}`,
    );
  requireStored(entry);
  let sum = 0;
  fill(storage, file, entry.begin, (bytes) => {
    sum = crc32(bytes, sum);
  });
  requireSum(entry.name, entry.crc, sum);
}

function requireStored({ name, isStored }: ZipEntry): void {
  if (!isStored)
    throw new Error(
      `${shown(name)} in it is compressed; torch.save does not compress: save it again with PyTorch`,
    );
}

function requireSum(name: string, expected: number, found: number): void {
  if (expected !== found)
    throw new Error(
      `${shown(name)} in it is damaged: its checksum differs from the recorded one; download it again`,
    );
}
