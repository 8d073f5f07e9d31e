/**
 * The safetensors format: eight bytes of header length, a JSON header, then the tensors' bytes.
 * https://github.com/huggingface/safetensors#format
 */

import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { readAll, writeAll } from "./file.js";
import { describeForeign, isPickle } from "./foreign-files.js";
import { readElements, writeElements } from "./safetensors-data.js";
import { codes, parseHeader } from "./safetensors-header.js";
import type { Tensor } from "./tensor.js";

export interface Checkpoint {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

/** The format's limit. */
const LONGEST_HEADER = 100_000_000;

/** Writes a file of any size atomically: to a temporary name beside it, synced, then renamed. */
export function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  const header = headerFor(tensors, metadata);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));

  const temporary = `${path}.${process.pid}.tmp`;
  let file: number | undefined = openSync(temporary, "w");
  try {
    writeAll(file, length);
    writeAll(file, header);
    for (const tensor of tensors.values()) writeElements(file, tensor);
    fsyncSync(file);
    closeSync(file);
    file = undefined;
    renameSync(temporary, path);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads a file. If it is truncated or malformed, throws an error with its name and the reason, before any tensor is
 * made.
 */
export function loadSafetensors(path: string): Checkpoint {
  const file = openSync(path, "r");
  try {
    const { entries, metadata, dataStart } = readHeader(file, fstatSync(file).size, path);
    const tensors = new Map<string, Tensor>();
    for (const { name, begin, ...kind } of entries)
      tensors.set(name, readElements(file, dataStart + begin, kind));
    return { tensors, metadata };
  } catch (error) {
    throw new Error(`${path} is not a safetensors file: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

function headerFor(tensors: ReadonlyMap<string, Tensor>, metadata: Record<string, string>): Buffer {
  // Without a prototype, so that a tensor may be called "__proto__".
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const [name, tensor] of tensors) {
    if (name === "__metadata__") throw new Error("saveSafetensors: a tensor cannot be called __metadata__");
    const dtype = codes[tensor.dtype];
    if (!dtype)
      throw new Error(`saveSafetensors: ${name} is ${tensor}, a dtype that the format does not have`);
    const end = offset + tensor.byteLength;
    header[name] = { dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  return Buffer.from(text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
}

function readHeader(file: number, size: number, path: string) {
  if (size < 8) throw new Error(`it has ${size} bytes, expected at least 8`);
  const begin = readAll(file, 0, Math.min(size, 9)).toString("latin1");
  if (begin[8] !== "{") requireOwn(file, size, path, begin);
  const length = readAll(file, 0, 8).readBigUInt64LE(0);
  if (length > LONGEST_HEADER)
    throw new Error(`its header's length is given as ${length} bytes, more than the format allows`);
  const dataStart = 8 + Number(length);
  if (dataStart > size)
    throw new Error(`its header's length is given as ${length} bytes, but only ${size - 8} bytes follow`);
  const header = readAll(file, 8, Number(length));
  return { ...parseHeader(header, size - dataStart), dataStart };
}

/** Refuses files of other formats by their names: the length of a header is not in them. */
function requireOwn(file: number, size: number, path: string, begin: string): void {
  const foreign = describeForeign(file, size, path);
  if (foreign !== undefined) throw new Error(`it ${foreign}`);
  if (begin.startsWith("PK\x03\x04") || isPickle(begin))
    throw new Error("it is a zip file or a pickle, as PyTorch writes: give it a name that ends in .pth");
}
