/** Reads and checks the header of a safetensors file. Invalid headers are refused. */
import { type DType, elementSize } from "./dtype.js";
import { shown } from "./shown.js";

/** The position of one tensor in the data. */
export interface Entry {
  name: string;
  dtype: DType;
  shape: number[];
  begin: number;
  end: number;
}

/** Largest number of dimensions of libtorch's tensors. */
const MOST_DIMENSIONS = 64;

/** The format's names of dtypes. */
export const codes: Record<DType, string> = {
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
const dtypes = new Map(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]));

/**
 * The tensors of a header, in the order of their bytes. They are contiguous and fill the data.
 *
 * @param bytes the header's JSON
 * @param dataLength bytes after the header
 * @throws {Error} with the reason
 */
export function parseHeader(
  bytes: Uint8Array,
  dataLength: number,
): { entries: Entry[]; metadata: Record<string, string> } {
  const text = decode(bytes);
  const header = asObject(parse(text), "its header");
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new Error(`its header has ${shown(twice)} twice`);

  const { __metadata__: metadata = {}, ...described } = header;
  for (const [key, value] of Object.entries(asObject(metadata, "its metadata"))) {
    if (typeof value !== "string") throw new Error(`its metadata's ${shown(key)} is not a string`);
  }
  const entries = Object.entries(described).map(([name, entry]) => read(name, entry, dataLength));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  requireGapless(entries, dataLength);
  return { entries, metadata: metadata as Record<string, string> };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("its header is not UTF-8 text");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`its header is not JSON: ${(error as Error).message}`);
  }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function read(name: string, entry: unknown, dataLength: number): Entry {
  const { dtype: code, shape, data_offsets: offsets } = asObject(entry, `the entry of ${shown(name)}`);
  const dtype = typeof code === "string" ? dtypes.get(code) : undefined;
  if (!dtype)
    throw new Error(
      `${shown(name)} has the unknown dtype ${typeof code === "string" ? shown(code) : typeof code}`,
    );
  if (!isSizes(shape)) throw new Error(`the shape of ${shown(name)} is not a list of integers`);
  if (shape.length > MOST_DIMENSIONS)
    throw new Error(`${shown(name)} has ${shape.length} dimensions, a tensor has at most ${MOST_DIMENSIONS}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw new Error(`the offsets of ${shown(name)} are not two integers`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw new Error(`${shown(name)} begins at byte ${begin}, after its end at ${end}`);
  if (end > dataLength)
    throw new Error(
      `${shown(name)} ends at byte ${end}, and the data has ${dataLength}: the file is truncated`,
    );
  const expected = shape.reduce((product, extent) => product * extent, 1) * elementSize[dtype];
  if (end - begin !== expected)
    throw new Error(`${shown(name)} has ${end - begin} bytes, its shape needs ${expected}`);
  return { name, dtype, shape, begin, end };
}

function requireGapless(entries: readonly Entry[], dataLength: number): void {
  let position = 0;
  let before = "the header";
  for (const { name, begin, end } of entries) {
    if (begin < position) throw new Error(`the bytes of ${before} and ${shown(name)} overlap`);
    if (begin > position)
      throw new Error(`${begin - position} bytes between ${before} and ${shown(name)} belong to no tensor`);
    position = end;
    before = shown(name);
  }
  if (position !== dataLength) throw new Error(`its last ${dataLength - position} bytes belong to no tensor`);
}

/** `JSON.parse` silently uses the last of two equal keys; this finds the first repeated key. */
function duplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  // Every string, with the colon that makes it a key, and every bracket.
  for (const [token, string, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*(:)?|[{}[\]]/g)) {
    if (string === undefined) depth += token === "{" || token === "[" ? 1 : -1;
    else if (colon && depth === 1) {
      const key = JSON.parse(string) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
