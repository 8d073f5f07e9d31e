/** A reader of protobuf's wire format for files from outside (protobuf.dev/programming-guides/encoding). */

/** The bytes are not protobuf, or have more fields than the reader's budget. */
export class ProtobufError extends Error {
  override name = "ProtobufError";
}

/** One field of a message. */
export interface Field {
  number: number;
  /** The value of a varint, a whole number, where |value| < 2⁵³; NaN beyond, and for the other kinds. */
  value: number;
  /** The bytes of a length-delimited or fixed field; empty for a varint. */
  bytes: Uint8Array;
  kind: "varint" | "fixed64" | "bytes" | "fixed32";
}

/** The number of fields that may still be read, shared by the messages of one file: time is bounded by it. */
export interface Budget {
  fields: number;
}

/**
 * The fields of a message in the order of the file; the bytes are views, not copies.
 * @throws ProtobufError
 */
export function* fieldsOf(message: Uint8Array, budget: Budget): Generator<Field> {
  const at = { position: 0 };
  while (at.position < message.length) {
    budget.fields -= 1;
    if (budget.fields < 0) throw new ProtobufError("too many fields");
    const key = varint(message, at);
    const number = Math.floor(key / 8);
    if (!(number >= 1 && number < 2 ** 29)) throw new ProtobufError(`a field with the number ${number}`);
    const kind = KINDS[key % 8];
    if (kind === undefined) throw new ProtobufError(`a field of the wire type ${key % 8}`);
    if (kind === "varint") {
      yield { number, kind, value: varint(message, at), bytes: NONE };
      continue;
    }
    const length = kind === "bytes" ? varint(message, at) : kind === "fixed64" ? 8 : 4;
    const end = at.position + length;
    // Also false for NaN.
    if (!(length >= 0 && end <= message.length)) throw new ProtobufError("a field beyond the end");
    yield { number, kind, value: Number.NaN, bytes: message.subarray(at.position, end) };
    at.position = end;
  }
}

/** The whole numbers of a repeated field, packed or not. */
export function* varintsOf({ kind, value, bytes }: Field, budget: Budget): Generator<number> {
  if (kind === "varint") yield value;
  else if (kind !== "bytes") throw new ProtobufError(`numbers in a field of the kind ${kind}`);
  const at = { position: 0 };
  while (at.position < bytes.length) {
    budget.fields -= 1;
    if (budget.fields < 0) throw new ProtobufError("too many numbers");
    yield varint(bytes, at);
  }
}

/** The text of a field; bytes that are not UTF-8 become U+FFFD. */
export function textOf({ kind, bytes }: Field): string {
  if (kind !== "bytes") throw new ProtobufError(`a text in a field of the kind ${kind}`);
  return new TextDecoder().decode(bytes);
}

/** Groups (3 and 4) are deprecated, and ONNX has none. */
const KINDS: Record<number, Field["kind"]> = { 0: "varint", 1: "fixed64", 2: "bytes", 5: "fixed32" };

const NONE = new Uint8Array();

/** Reads a varint of at most ten bytes as an int64. */
function varint(bytes: Uint8Array, at: { position: number }): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at.position];
    if (byte === undefined) throw new ProtobufError("a number beyond the end");
    at.position += 1;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 128) return value < 2 ** 53 ? value : signed(bytes, at.position);
  }
  throw new ProtobufError("a number of more than ten bytes");
}

/** The int64 whose varint of ten bytes ends at `end`: negative numbers have ten. NaN where |value| ≥ 2⁵³. */
function signed(bytes: Uint8Array, end: number): number {
  let value = 0n;
  for (let position = end - 1; position >= end - 10 && position >= 0; position--) {
    if (position < end - 1 && bytes[position]! < 128) break;
    value = (value << 7n) | BigInt(bytes[position]! & 0x7f);
  }
  const number = Number(BigInt.asIntN(64, value));
  return Math.abs(number) < 2 ** 53 ? number : Number.NaN;
}
