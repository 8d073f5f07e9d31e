/** For tests: reads TensorBoard's event files, independently of the code that writes them. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";

/** A protocol buffer message: field number → values. */
export type MessageFields = Record<number, (number | Uint8Array)[]>;

export function readEvents(path: string): MessageFields[] {
  const file = readFileSync(path);
  const events: MessageFields[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 8)).toBe(masked(file.subarray(at, at + 8)));
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(data));
    events.push(parse(data));
    at += 16 + length;
  }
  return events;
}

function masked(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

export function parse(bytes: Uint8Array): MessageFields {
  const fields: MessageFields = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return Uint8Array.from(bytes.subarray(at - length, at));
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key & 7;
    const value = type === 0 ? varint() : take(type === 2 ? varint() : type === 1 ? 8 : 4);
    fields[key >> 3] = [...(fields[key >> 3] ?? []), value];
  }
  expect(at).toBe(bytes.length);
  return fields;
}

export function utf8(fields: MessageFields, field: number): string {
  return new TextDecoder().decode(fields[field]![0] as Uint8Array);
}

/** Scalars of an event by name. */
export function scalarsOf(event: MessageFields): Record<string, number> {
  const summary = event[5] ? parse(event[5][0] as Uint8Array) : {};
  const values = ((summary[1] ?? []) as Uint8Array[]).map(parse);
  return Object.fromEntries(
    values.flatMap((value) => {
      const point = value[2]?.[0] as Uint8Array | undefined; // Absent for images.
      return point ? [[utf8(value, 1), new DataView(point.buffer).getFloat32(0, true)]] : [];
    }),
  );
}
