/** The storages of a checkpoint: flat arrays of one dtype, that tensors are views of. */
import { empty, fromBytes } from "../creation.js";
import { type DType, elementSize } from "../dtype.js";
import { readInto } from "../file.js";
import { Global } from "../pickle/index.js";
import { scope } from "../scope.js";
import { shown } from "../shown.js";
import type { Tensor } from "../tensor.js";

/** Some or all elements of a storage. */
export class Storage {
  constructor(
    readonly elements: Tensor,
    /** Its first element in the storage, and its number of elements. */
    readonly begin: number,
    readonly length: number,
  ) {}
}

/** A storage in the file. */
export interface StoredStorage {
  key: string;
  dtype: DType;
  length: number;
  /** [length], to be filled. */
  elements: Tensor;
}

/** Dtypes by the names of PyTorch's classes. */
export const storageDtypes: Readonly<Record<string, DType>> = {
  "torch.FloatStorage": "float32",
  "torch.DoubleStorage": "float64",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.ByteStorage": "uint8",
  "torch.CharStorage": "int8",
  "torch.ShortStorage": "int16",
  "torch.IntStorage": "int32",
  "torch.LongStorage": "int64",
  "torch.BoolStorage": "bool",
};

/** Bytes per read. */
const PIECE = 2 ** 22;

export class Storages {
  readonly #byKey = new Map<string, StoredStorage>();
  #bytes = 0;

  /**
   * @param room bytes that the file has for storages
   * @param onNew called once for every storage
   */
  constructor(
    readonly room: number,
    readonly onNew: (storage: StoredStorage) => void = () => {},
  ) {}

  get(key: string): StoredStorage | undefined {
    return this.#byKey.get(key);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /**
   * Returns the storage for a pickle's persistent identifier.
   * @param id ("storage", class, key, location, length[, (key of a part, begin, length)])
   */
  readonly load = (id: unknown): Storage => {
    if (!Array.isArray(id) || id[0] !== "storage" || !(id[1] instanceof Global))
      throw new Error("its pickle asks for an external object that is not a storage");
    const [, type, key, , length, part = null] = id as [string, Global, ...unknown[]];
    const dtype = Object.hasOwn(storageDtypes, type.name) ? storageDtypes[type.name] : undefined;
    if (!dtype) throw new Error(`its pickle has the unknown storage type ${type.name}`);
    if (typeof key !== "string") throw new Error("its pickle has a storage without a name");
    if (!isCount(length)) throw new Error(`its storage ${shown(key)} has an invalid number of elements`);
    const { elements } = this.#stored(key, dtype, length);
    if (part === null) return new Storage(elements, 0, length);
    const [, begin, own] = Array.isArray(part) ? part : [];
    if (!isCount(begin) || !isCount(own) || begin + own > length)
      throw new Error(`a part of its storage ${shown(key)} is outside of it`);
    return new Storage(elements, begin, own);
  };

  #stored(key: string, dtype: DType, length: number): StoredStorage {
    const known = this.#byKey.get(key);
    if (known) {
      if (known.dtype === dtype && known.length === length) return known;
      throw new Error(
        `its storage ${shown(key)} is listed both as ${known.length} of ${known.dtype} and as ${length} of ${dtype}`,
      );
    }
    this.#bytes += length * elementSize[dtype];
    if (this.#bytes > this.room)
      throw new Error(`its storages need at least ${this.#bytes} bytes, but it has only ${this.room}`);
    const storage = { key, dtype, length, elements: empty([length], { dtype }) };
    this.#byKey.set(key, storage);
    this.onNew(storage);
    return storage;
  }
}

/**
 * Reads a storage's elements from `position`.
 * @param onPiece is called with all bytes, piece by piece
 */
export function fill(
  { elements, dtype, length }: StoredStorage,
  file: number,
  position: number,
  onPiece: (bytes: Uint8Array) => void = () => {},
): void {
  const size = elementSize[dtype];
  const most = Math.min(PIECE / size, length);
  const room = Buffer.alloc(most * size);
  for (let done = 0; done < length; done += most) {
    const count = Math.min(most, length - done);
    const bytes = room.subarray(0, count * size);
    readInto(file, position + done * size, bytes);
    onPiece(bytes);
    scope(() => void elements.narrow(0, done, count).copy_(fromBytes(bytes, [count], dtype)));
  }
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
