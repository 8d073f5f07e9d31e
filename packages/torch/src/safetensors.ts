/**
 * The safetensors format: eight bytes of header length, a JSON header, then the tensors' bytes.
 * https://github.com/huggingface/safetensors#format
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { fromBytes } from "./creation.js";
import { type DType, elementSize } from "./dtype.js";
import type { Tensor } from "./tensor.js";

export interface Checkpoint {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

const names: Record<DType, string> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  uint8: "U8",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  bool: "BOOL",
};
const dtypes = new Map(Object.entries(names).map(([dtype, name]) => [name, dtype as DType]));

/** Writes a file whole or not at all: to a temporary name beside it, synced, then renamed. */
export function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const end = offset + tensor.byteLength;
    header[name] = { dtype: names[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));

  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, "w");
  try {
    writeAll(file, length);
    writeAll(file, json);
    for (const tensor of tensors.values()) writeAll(file, tensor.toBytes());
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, path);
  } catch (error) {
    try {
      closeSync(file);
    } catch {
      // It was closed already: renaming failed.
    }
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

/** Reads a file. Throws an error that names it and what is wrong when it is truncated or malformed. */
export function loadSafetensors(path: string): Checkpoint {
  const bytes = readFileSync(path);
  try {
    return parse(bytes);
  } catch (error) {
    throw new Error(`${path} is no safetensors file: ${(error as Error).message}`);
  }
}

function parse(bytes: Buffer): Checkpoint {
  if (bytes.length < 8) throw new Error(`it has ${bytes.length} bytes, at least 8 were expected`);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  if (headerLength > bytes.length - 8) {
    throw new Error(`its header is said to have ${headerLength} bytes, and ${bytes.length - 8} are there`);
  }
  const header: unknown = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw new Error("its header is no object");
  const data = bytes.subarray(8 + headerLength);
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, unknown>;
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, read(name, entry, data));
  return { tensors, metadata: metadata as Record<string, string> };
}

function read(name: string, entry: unknown, data: Buffer): Tensor {
  const { dtype: code, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  const dtype = dtypes.get(String(code));
  if (!dtype) throw new Error(`${name} has the unknown dtype ${String(code)}`);
  if (!isSizes(shape)) throw new Error(`the shape of ${name} is no list of whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw new Error(`the offsets of ${name} are no two whole numbers`);
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((product, extent) => product * extent, 1) * elementSize[dtype];
  if (begin > end || end > data.length) {
    throw new Error(`${name} ends at byte ${end}, and the data has ${data.length}: the file is truncated`);
  }
  if (end - begin !== expected)
    throw new Error(`${name} has ${end - begin} bytes, its shape takes ${expected}`);
  return fromBytes(data.subarray(begin, end), shape, dtype);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
