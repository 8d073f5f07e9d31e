/**
 * Reads the directory of a zip file. It is as strict as the files of `torch.save` allow: entries must not overlap and must
 * precede the directory. Names are only looked up, never used as paths.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { readAll } from "../file.js";
import { shown } from "../shown.js";

export interface ZipEntry {
  name: string;
  /** Position of its bytes in the file. */
  begin: number;
  size: number;
  crc: number;
  /** Whether its bytes are not compressed. */
  isStored: boolean;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const MOST_ENTRIES = 200_000;
const LONGEST_DIRECTORY = 2 ** 26;

/**
 * Every entry by name.
 * @throws {Error} with the reason
 */
export function readZipEntries(file: number, fileSize: number): Map<string, ZipEntry> {
  const { count, position, length } = findDirectory(file, fileSize);
  if (position + length > fileSize)
    throw new Error("its directory is not within it: it is truncated or damaged");
  if (count > MOST_ENTRIES || length > LONGEST_DIRECTORY)
    throw new Error(`it has a directory of ${count} entries in ${length} bytes, more than in any checkpoint`);
  const directory = readAll(file, position, length);
  const entries = new Map<string, ZipEntry>();
  const spans: { name: string; from: number; to: number }[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const described = readCentral(directory, at);
    at = described.next;
    const { name, size, packed, crc, isStored, local } = described;
    if (entries.has(name)) throw new Error(`it has ${shown(name)} twice`);
    const begin = beginOf(file, position, described);
    entries.set(name, { name, begin, size, crc, isStored });
    spans.push({ name, from: local, to: begin + packed });
  }
  if (at !== length) throw new Error(`its directory has ${length - at} bytes after its last entry`);
  requireApart(spans, position);
  return entries;
}

/** Position of the directory, from the end of the file. */
function findDirectory(file: number, size: number): { count: number; position: number; length: number } {
  const tailBegin = Math.max(0, size - END_SIZE - LONGEST_COMMENT);
  const tail = readAll(file, tailBegin, size - tailBegin);
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END || tail.readUInt16LE(at + 20) !== tail.length - at - END_SIZE) continue;
    const [count, length, position] = [
      tail.readUInt16LE(at + 10),
      tail.readUInt32LE(at + 12),
      tail.readUInt32LE(at + 16),
    ];
    const isLarge = count === 0xffff || length === 0xffffffff || position === 0xffffffff;
    return isLarge ? findDirectory64(file, tailBegin + at) : { count, position, length };
  }
  throw new Error(
    "it starts like a zip file but has no directory at its end: it is truncated; download it again",
  );
}

function findDirectory64(file: number, end: number) {
  const locator = readAll(file, Math.max(0, end - 20), 20);
  if (locator.readUInt32LE(0) !== END_64_LOCATOR) throw new Error("its directory cannot be found");
  const position = Number(locator.readBigUInt64LE(8));
  if (position + 56 > end) throw new Error("its directory cannot be found");
  const record = readAll(file, position, 56);
  if (record.readUInt32LE(0) !== END_64) throw new Error("its directory cannot be found");
  const [count, length, begin] = [32, 40, 48].map((at) => Number(record.readBigUInt64LE(at)));
  return { count: count!, position: begin!, length: length! };
}

/** An entry of the directory. */
interface Described extends Omit<ZipEntry, "begin"> {
  /** Its size in the file. */
  packed: number;
  /** Position of its local header in the file. */
  local: number;
  /** Position of the next entry in the directory. */
  next: number;
}

function readCentral(directory: Buffer, at: number): Described {
  if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL)
    throw new Error(`its directory is damaged at its byte ${at}`);
  const [flags, method] = [directory.readUInt16LE(at + 8), directory.readUInt16LE(at + 10)];
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((i) => directory.readUInt16LE(at + i));
  const [nameEnd, extraEnd] = [at + 46 + nameLength!, at + 46 + nameLength! + extraLength!];
  const next = extraEnd + commentLength!;
  if (next > directory.length) throw new Error(`its directory is damaged at its byte ${at}`);
  const name = directory.toString("utf8", at + 46, nameEnd);
  const [packed, size, local] = largeNumbers(directory.subarray(nameEnd, extraEnd), [
    directory.readUInt32LE(at + 20),
    directory.readUInt32LE(at + 24),
    directory.readUInt32LE(at + 42),
  ]);
  if ((flags & 1) !== 0) throw new Error(`${shown(name)} in it is encrypted`);
  return {
    name,
    size,
    packed,
    isStored: method === 0 && packed === size,
    local,
    next,
    crc: directory.readUInt32LE(at + 16),
  };
}

/** Sizes and position; those that do not fit into 32 bits are in an extra field, the uncompressed size first. */
function largeNumbers(
  extra: Buffer,
  [packed, size, local]: [number, number, number],
): [number, number, number] {
  let field: Buffer | undefined;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
  }
  let read = 0;
  const widen = (value: number): number => {
    if (value !== 0xffffffff) return value;
    if (!field || read + 8 > field.length) throw new Error("its directory lacks a 64-bit number");
    read += 8;
    return Number(field.readBigUInt64LE(read - 8));
  };
  const widenedSize = widen(size); // They are in this order.
  const widenedPacked = widen(packed);
  return [widenedPacked, widenedSize, widen(local)];
}

/** Position of an entry's bytes, after its local header, which must describe the same entry. */
function beginOf(file: number, directory: number, { name, local, packed }: Described): number {
  if (local + 30 > directory) throw new Error(`${shown(name)} in it is not before the directory`);
  const header = readAll(file, local, 30);
  const nameLength = header.readUInt16LE(26);
  const begin = local + 30 + nameLength + header.readUInt16LE(28);
  if (header.readUInt32LE(0) !== LOCAL || begin + packed > directory)
    throw new Error(`${shown(name)} in it is not at the position in its directory`);
  if (readAll(file, local + 30, nameLength).toString("utf8") !== name)
    throw new Error(`${shown(name)} in it differs from its entry in the directory`);
  return begin;
}

function requireApart(spans: { name: string; from: number; to: number }[], directory: number): void {
  spans.sort((a, b) => a.from - b.from);
  for (const [i, { name, to }] of spans.entries()) {
    const next = spans[i + 1];
    if (to > (next?.from ?? directory))
      throw new Error(`${shown(name)} in it overlaps ${next ? shown(next.name) : "the directory"}`);
  }
}
