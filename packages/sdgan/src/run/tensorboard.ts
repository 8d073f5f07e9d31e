import { closeSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../util/crc.js";
import { onDisk } from "../util/system-errors.js";

/**
 * Writes a TensorBoard event file: TFRecords (length, data and a masked CRC-32C of each) of `Event` protocol
 * buffers, with the field numbers of `tensorflow/core/util/event.proto` and `tensorflow/core/framework/summary.proto`.
 */
export class EventFile {
  readonly path: string;
  readonly #file: number;

  /**
   * Creates a new file in `folder`, after the existing ones.
   * @param firstStep values of this and later steps in earlier files are void: the run was resumed before it.
   */
  constructor(folder: string, firstStep: number) {
    const earlier = readdirSync(folder).filter((name) => name.includes(".tfevents.")).length;
    const seconds = Math.floor(Date.now() / 1000);
    // TensorBoard reads a folder's files in the order of their names.
    this.path = join(folder, `events.out.tfevents.${seconds}.${String(earlier).padStart(6, "0")}`);
    this.#file = onDisk(this.path, () => openSync(this.path, "ax"));
    this.#write(0, text(3, "brain.Event:2")); // file_version
    if (earlier > 0) this.#write(firstStep, message(7, varint(1, 1))); // session_log { status: START }
  }

  /** Adds one point to the curve of each name. */
  scalars(step: number, values: Record<string, number>): void {
    const summary = Object.entries(values).map(([tag, value]) => message(1, text(1, tag), float(2, value)));
    if (summary.length > 0) this.#write(step, message(5, ...summary));
  }

  /** Adds an image; `png` is the content of a PNG file. */
  image(step: number, tag: string, png: Uint8Array): void {
    const [width, height] = pngSize(png);
    const image = message(4, varint(1, height), varint(2, width), varint(3, rgb), bytes(4, png));
    this.#write(step, message(5, message(1, text(1, tag), image)));
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(step: number, what: Buffer): void {
    const event = Buffer.concat([double(1, Date.now() / 1000), varint(2, step), what]); // wall_time, step
    onDisk(this.path, () => writeSync(this.#file, record(event)));
  }
}

/** The summary's constant for RGB images. */
const rgb = 3;

/** A TFRecord: uint64 length, its checksum, the data, their checksum; all little-endian. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(data: Uint8Array): Buffer {
  const crc = crc32c(data);
  const result = Buffer.alloc(4);
  result.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return result;
}

/** Width and height from a PNG's header, its first chunk. */
function pngSize(png: Uint8Array): [width: number, height: number] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return [view.getUint32(16), view.getUint32(20)];
}

// Protocol buffers: a field is its number and wire type, then its value.
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 };

function key(field: number, type: number): Buffer {
  return Buffer.of((field << 3) | type); // One byte is enough: all fields here are below 16.
}

/** Seven bits per byte, lowest first; the top bit is set if more bytes follow. */
function base128(value: number): Buffer {
  const result: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) result.push((value % 0x80) | 0x80);
  return Buffer.from([...result, value]);
}

function varint(field: number, value: number): Buffer {
  return Buffer.concat([key(field, wire.varint), base128(value)]);
}

function double(field: number, value: number): Buffer {
  const result = Buffer.alloc(8);
  result.writeDoubleLE(value);
  return Buffer.concat([key(field, wire.fixed64), result]);
}

function float(field: number, value: number): Buffer {
  const result = Buffer.alloc(4);
  result.writeFloatLE(value);
  return Buffer.concat([key(field, wire.fixed32), result]);
}

function bytes(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([key(field, wire.bytes), base128(value.length), value]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function message(field: number, ...fields: Buffer[]): Buffer {
  return bytes(field, Buffer.concat(fields));
}
