/** For tests: writes small ONNX files (onnx.proto3), also ones that must be refused. */
import { concatenated } from "@sdgan/core";

/** A varint field. */
export function number(field: number, value: number): Uint8Array {
  return concatenated([varint(field * 8), varint(value)]);
}

/** A length-delimited field: a message, bytes or a text. */
export function bytes(field: number, ...parts: (Uint8Array | string)[]): Uint8Array {
  const content = concatenated(
    parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part)),
  );
  return concatenated([varint(field * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const result: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    result.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(result);
}

export type Shape = readonly (number | string)[];

/** A ValueInfoProto: element type (1 is float32, 7 is int64), and dimensions by number or by name. */
export function port(field: number, name: string, type: number, shape: Shape): Uint8Array {
  const dimensions = shape.map((size) =>
    bytes(1, typeof size === "number" ? number(1, size) : bytes(2, size)),
  );
  return bytes(field, bytes(1, name), bytes(2, bytes(1, number(1, type), bytes(2, ...dimensions))));
}

/** A NodeProto; `attributes` are AttributeProtos. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { attributes = [], domain }: { attributes?: readonly Uint8Array[]; domain?: string } = {},
): Uint8Array {
  return bytes(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, operator),
    ...attributes,
    ...(domain === undefined ? [] : [bytes(7, domain)]),
  );
}

/** An attribute of a node with a whole number. */
export function int(name: string, value: number): Uint8Array {
  return bytes(5, bytes(1, name), number(3, value), number(20, 2));
}

/** An attribute of a node with whole numbers. */
export function ints(name: string, values: readonly number[]): Uint8Array {
  return bytes(5, bytes(1, name), ...values.map((value) => number(8, value)), number(20, 7));
}

/** An attribute of a node with a text. */
export function text(name: string, value: string): Uint8Array {
  return bytes(5, bytes(1, name), bytes(4, value), number(20, 3));
}

/** A tensor in a graph's initializers. */
export function tensor(
  name: string,
  shape: readonly number[],
  data: Float32Array | BigInt64Array,
  more: readonly Uint8Array[] = [],
): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return bytes(
    5,
    ...shape.map((size) => number(1, size)),
    number(2, data instanceof BigInt64Array ? 7 : 1),
    bytes(8, name),
    bytes(9, raw),
    ...more,
  );
}

/** A ModelProto; `more` are further fields of it. */
export function modelFile(
  graph: readonly Uint8Array[],
  more: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  return concatenated([
    ...[number(1, 8), bytes(2, "test"), bytes(7, bytes(2, "graph"), ...graph)],
    ...[bytes(8, bytes(1, ""), number(2, 17)), ...more],
  ]);
}
