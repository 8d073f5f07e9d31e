/** The functions that a pickle of plain containers may call, and their replacements here. */
import { makeDtype, makeScalar } from "./numpy.js";

/** Functions by their full names in Python. Their arguments come from the pickle and cannot be trusted. */
export type Globals = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** One of the allowed names on the pickle's stack. */
export class Global {
  constructor(
    readonly name: string,
    readonly call: (...args: unknown[]) => unknown,
  ) {}
}

/** Both of Python's names for a module: that of Python 2 and that of 3. */
const builtins = (name: string, call: Globals[string]): [string, Globals[string]][] => [
  [`__builtin__.${name}`, call],
  [`builtins.${name}`, call],
];

export const plainGlobals: Globals = Object.fromEntries([
  ["collections.OrderedDict", makeMap],
  ...builtins("set", makeSet),
  ...builtins("frozenset", makeSet),
  ...builtins("bytearray", makeBytes),
  ...builtins("bytes", makeBytes),
  ["_codecs.encode", encode],
  ["numpy.dtype", makeDtype],
  ["numpy.core.multiarray.scalar", makeScalar],
  ["numpy._core.multiarray.scalar", makeScalar],
]);

/** OrderedDict() or, from Python 2, OrderedDict([[key, value], …]). */
function makeMap(pairs: unknown = []): Map<unknown, unknown> {
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    throw new Error("expected pairs of keys and values");
  return new Map(pairs as [unknown, unknown][]);
}

function makeSet(items: unknown = []): Set<unknown> {
  if (!Array.isArray(items)) throw new Error("expected a list");
  return new Set(items);
}

/** bytearray(), bytearray(bytes) or bytearray(text, "latin-1"). */
function makeBytes(data: unknown = new Uint8Array(), encoding?: unknown): Uint8Array {
  if (data instanceof Uint8Array) return Uint8Array.from(data);
  return encode(data, encoding ?? "latin1");
}

/** Python 3 writes bytes for protocols without bytes as a text with one character per byte. */
function encode(text: unknown, encoding: unknown): Uint8Array {
  if (typeof text !== "string" || (encoding !== "latin1" && encoding !== "latin-1"))
    throw new Error("expected a text and latin1");
  return Uint8Array.from(Buffer.from(text, "latin1"));
}
