/**
 * For tests: compares typed arrays by their bytes. `toEqual` compares element by element, which takes seconds for the images of
 * a prepared folder. Arrays that differ are left to `toEqual`, which says where.
 */
import { expect } from "vitest";

const ADDED = Symbol.for("sdgan: typed arrays are compared by their bytes");
const shared = globalThis as { [ADDED]?: boolean };

// Once per process: files may share one.
if (!shared[ADDED]) expect.addEqualityTesters([haveEqualBytes]);
shared[ADDED] = true;

/** True for typed arrays of one type with the same bytes; undefined for everything else. */
export function haveEqualBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  return bytesOf(a).equals(bytesOf(b)) || undefined;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength);
