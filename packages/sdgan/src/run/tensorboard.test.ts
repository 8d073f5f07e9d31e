import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EventFile } from "./tensorboard.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-events-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("a reader of the format finds what was written", async () => {
  const png = await sharp({ create: { width: 7, height: 5, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const file = new EventFile(folder, 1);
  file.scalars(10, { "loss/generator": 4.25, größe: -0.5 });
  file.scalars(300_000, { nan: Number.NaN });
  file.image(300_001, "samples", png);
  file.close();

  const [first, losses, nan, picture, ...rest] = readEvents(file.path);
  expect(rest).toEqual([]);
  expect(utf8(first!, 3)).toBe("brain.Event:2");
  expect(new DataView((first![1]![0] as Uint8Array).buffer).getFloat64(0, true)).toBeCloseTo(
    Date.now() / 1000,
    -2,
  );
  expect(losses![2]).toEqual([10]);
  expect(scalarsOf(losses!)).toEqual({ "loss/generator": 4.25, größe: -0.5 });
  expect(nan![2]).toEqual([300_000]);
  expect(scalarsOf(nan!)).toEqual({ nan: Number.NaN });
  expect(picture![2]).toEqual([300_001]);
  const value = parse((parse(picture![5]![0] as Uint8Array)[1] as Uint8Array[])[0]!);
  const image = parse(value[4]![0] as Uint8Array);
  expect(utf8(value, 1)).toBe("samples");
  expect([image[1], image[2], image[3]]).toEqual([[5], [7], [3]]);
  expect(Buffer.from(image[4]![0] as Uint8Array)).toEqual(png);
});

it("a file that follows another voids its later steps, and is read after it", () => {
  for (const firstStep of [1, 41]) new EventFile(folder, firstStep).close();
  const names = readdirSync(folder).sort();
  expect(names).toHaveLength(2);
  const [, session] = readEvents(join(folder, names[1]!));
  expect(session![2]).toEqual([41]);
  expect(parse(session![7]![0] as Uint8Array)).toEqual({ 1: [1] });
});

// A second implementation, of the reading side, from the descriptions of TFRecord and of protocol buffers.

type Fields = Record<number, (number | Uint8Array)[]>;

function readEvents(path: string): Fields[] {
  const file = readFileSync(path);
  const events: Fields[] = [];
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

function parse(bytes: Uint8Array): Fields {
  const fields: Fields = {};
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

function utf8(fields: Fields, field: number): string {
  return new TextDecoder().decode(fields[field]![0] as Uint8Array);
}

function scalarsOf(event: Fields): Record<string, number> {
  const values = (parse(event[5]![0] as Uint8Array)[1] as Uint8Array[]).map(parse);
  return Object.fromEntries(
    values.map((value) => [
      utf8(value, 1),
      new DataView((value[2]![0] as Uint8Array).buffer).getFloat32(0, true),
    ]),
  );
}
