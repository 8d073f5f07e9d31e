import { readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";

/** A file in a tar file, and the position of its bytes. */
export interface TarMember {
  name: string;
  offset: number;
  size: number;
}

/**
 * Lists the regular files of a tar file from its headers: ustar, with the long names and sizes of pax (POSIX)
 * and GNU. Nothing is unpacked, and names are never used as paths. Links, folders, devices and names of more
 * than 1,024 characters are skipped. Of members with the same name, the last one counts, as in unpacking.
 * Throws a `UserError` for a file that is not a tar file or is truncated.
 */
export function readTarIndex(data: DataFolder, path: string): TarMember[] {
  return data.use(path, (file, fileSize) => {
    const refuse = (problem: string): never => {
      throw new UserError(`${data.at(path)}: ${problem}`, { code: "data.invalid" });
    };
    const read = (offset: number, size: number): Buffer => {
      const bytes = Buffer.alloc(size);
      return readSync(file, bytes, 0, size, offset) === size ? bytes : refuse(CUT_SHORT);
    };
    const members = new Map<string, TarMember>();
    /** Name and size of the next member from extended headers. */
    let extended: { name?: string; size?: number } = {};
    for (let at = 0; at + BLOCK <= fileSize; ) {
      const header = read(at, BLOCK);
      if (header.every((byte) => byte === 0)) return [...members.values()];
      if (!hasValidChecksum(header))
        refuse(at === 0 ? describeOther(header) : `is broken at byte ${at}. ${REMEDY}`);
      const type = String.fromCharCode(header[156]!);
      const isFile = "0\x007".includes(type);
      const size = (isFile ? extended.size : undefined) ?? numberAt(header, 124, 12);
      const offset = at + BLOCK;
      if (size === undefined) return refuse(`is broken at byte ${at}: its size is not a number. ${REMEDY}`);
      if (offset + size > fileSize) refuse(CUT_SHORT);
      if (type === "x" || type === "L") {
        if (size > MAX_EXTENDED_HEADER) refuse(`is broken at byte ${at}: a name of ${size} bytes`);
        const content = read(offset, size);
        extended = { ...extended, ...(type === "L" ? { name: textOf(content) } : paxOf(content)) };
      } else if (type !== "g" && type !== "K") {
        const name = extended.name ?? nameOf(header);
        if (isFile && name.length <= MAX_NAME_LENGTH) members.set(name, { name, offset, size });
        extended = {};
      }
      at = offset + Math.ceil(size / BLOCK) * BLOCK;
    }
    // Two blocks of zeros should end the file, but many writers omit them.
    return members.size > 0 ? [...members.values()] : refuse("is not a tar file, or is empty");
  });
}

const BLOCK = 512;
/** In characters. */
const MAX_NAME_LENGTH = 1024;
/** In bytes. */
const MAX_EXTENDED_HEADER = 2 ** 16;
const REMEDY = "Copy or download it again.";
const CUT_SHORT = `is truncated. ${REMEDY}`;

/** Compares the checksum field with the sum of the header's bytes, counting the field itself as spaces. */
function hasValidChecksum(header: Buffer): boolean {
  const sum = header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return numberAt(header, 148, 8) === sum;
}

function describeOther(header: Buffer): string {
  const packed = header[0] === 0x1f && header[1] === 0x8b;
  return packed ? "is compressed. Unpack it with gunzip first." : "is not a tar file";
}

/** An octal number, or one in base 256, GNU's format for large ones; undefined if it is neither. */
function numberAt(header: Buffer, from: number, length: number): number | undefined {
  const field = header.subarray(from, from + length);
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = textOf(field).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : undefined;
}

function nameOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const prefix = textOf(header.subarray(345, 500));
  const isPosix = header.toString("latin1", 257, 263) === "ustar\0";
  return isPosix && prefix !== "" ? `${prefix}/${name}` : name;
}

/** Parses records such as "24 path=images/long.png\n"; the first number is the record's length in bytes. */
function paxOf(content: Buffer): { name?: string; size?: number } {
  const found: { name?: string; size?: number } = {};
  for (let at = 0; at < content.length; ) {
    const [all, digits] = /^(\d{1,6}) /.exec(content.toString("latin1", at, at + 7)) ?? [];
    const length = Number(digits);
    if (all === undefined || length <= all.length) break;
    const record = content.toString("utf8", at + all.length, at + length - 1);
    const [key, value] = [record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1)];
    if (key === "path") found.name = value;
    if (key === "size" && /^\d{1,15}$/.test(value)) found.size = Number(value);
    at += length;
  }
  return found;
}

/** The text up to the first zero byte. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}
