import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onDisk } from "../util/system-errors.js";

/**
 * The points of one curve in a run folder's TensorBoard event files, in the order in which they were written. Values that
 * depend on the clock are only there. An incomplete last record is skipped; checksums are not verified.
 */
export function readScalars(folder: string, tag: string): { step: number; value: number }[] {
  const names = onDisk(folder, () => readdirSync(folder)).filter((name) => name.includes(".tfevents."));
  return names.sort().flatMap((name) => {
    const path = join(folder, name);
    return [...records(onDisk(path, () => readFileSync(path)))].flatMap((event) => scalarsOf(event, tag));
  });
}

/** The data of each TFRecord: uint64 length, four bytes of checksum, the data, four bytes of checksum. */
function* records(file: Buffer): IterableIterator<Buffer> {
  for (let at = 0; at + 16 <= file.length; ) {
    const end = at + 12 + Number(file.readBigUInt64LE(at));
    if (end + 4 > file.length) return;
    yield file.subarray(at + 12, end);
    at = end + 4;
  }
}

/** An `Event` has its step in field 2 and a summary in 5; a summary has values in 1; a value has a tag in 1 and a float in 2. */
function scalarsOf(event: Buffer, tag: string): { step: number; value: number }[] {
  const { 2: steps, 5: summaries = [] } = fieldsOf(event);
  const values = summaries.flatMap((summary) => fieldsOf(summary as Buffer)[1] ?? []);
  return values.flatMap((value) => {
    const { 1: tags, 2: numbers } = fieldsOf(value as Buffer);
    if (String(tags?.[0]) !== tag || !numbers) return [];
    return [{ step: Number(steps?.[0] ?? 0), value: (numbers[0] as Buffer).readFloatLE() }];
  });
}

/** A message's fields by number: varints as numbers, all others as bytes. */
function fieldsOf(message: Buffer): Record<number, (number | Buffer)[]> {
  const fields: Record<number, (number | Buffer)[]> = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const read = [varint, () => bytes(8), () => bytes(varint()), undefined, undefined, () => bytes(4)][
      key & 7
    ];
    if (!read) return fields; // An unknown wire type, which we do not write.
    fields[key >> 3] = [...(fields[key >> 3] ?? []), read()];
  }
  return fields;
}
