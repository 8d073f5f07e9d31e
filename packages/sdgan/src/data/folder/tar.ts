import { readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";

/** A file in a tar file, and where its bytes are. */
export interface TarMember {
  name: string;
  offset: number;
  size: number;
}

/**
 * The regular files of a tar file, from its headers alone: ustar, with the long names and sizes of pax (POSIX) and
 * GNU. A member's name is no more than a name here: nothing is unpacked; links, folders, devices and
 * names of more than 1,024 characters are passed over.
 * Of members with one name the last counts, as it does when unpacking.
 * Throws a `UserError` for what is no tar file, or is cut short.
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
    /** What the headers before a member say of it. */
    let said: { name?: string; size?: number } = {};
    for (let at = 0; at + BLOCK <= fileSize; ) {
      const header = read(at, BLOCK);
      if (header.every((byte) => byte === 0)) return [...members.values()];
      if (!hasRightSum(header)) refuse(at === 0 ? whatElse(header) : `is broken at byte ${at}. ${AGAIN}`);
      const type = String.fromCharCode(header[156]!);
      const isFile = "0\x007".includes(type);
      const size = (isFile ? said.size : undefined) ?? numberAt(header, 124, 12);
      const offset = at + BLOCK;
      if (size === undefined) return refuse(`is broken at byte ${at}: a size that is no number. ${AGAIN}`);
      if (offset + size > fileSize) refuse(CUT_SHORT);
      if (type === "x" || type === "L") {
        if (size > MOST_SAID) refuse(`is broken at byte ${at}: a name of ${size} bytes`);
        const content = read(offset, size);
        said = { ...said, ...(type === "L" ? { name: textOf(content) } : paxOf(content)) };
      } else if (type !== "g" && type !== "K") {
        const name = said.name ?? nameOf(header);
        if (isFile && name.length <= LONGEST_NAME) members.set(name, { name, offset, size });
        said = {};
      }
      at = offset + Math.ceil(size / BLOCK) * BLOCK;
    }
    // Two blocks of zeros should end it, but many writers leave them out.
    return members.size > 0 ? [...members.values()] : refuse("is no tar file, or an empty one");
  });
}

const BLOCK = 512;
/** Characters, and bytes of a header that says a name and more. */
const LONGEST_NAME = 1024;
const MOST_SAID = 2 ** 16;
const AGAIN = "Copy or download it again.";
const CUT_SHORT = `is cut short. ${AGAIN}`;

/** The sum of the header's bytes, its own place counted as spaces. */
function hasRightSum(header: Buffer): boolean {
  const sum = header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return numberAt(header, 148, 8) === sum;
}

function whatElse(header: Buffer): string {
  const packed = header[0] === 0x1f && header[1] === 0x8b;
  return packed ? "is compressed. Unpack it with gunzip first." : "is no tar file";
}

/** An octal number, or one in base 256 as GNU writes large ones; undefined where it is neither. */
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

/** Records such as "24 path=images/long.png\n", of which the first number is the record's length in bytes. */
function paxOf(content: Buffer): { name?: string; size?: number } {
  const said: { name?: string; size?: number } = {};
  for (let at = 0; at < content.length; ) {
    const [all, digits] = /^(\d{1,6}) /.exec(content.toString("latin1", at, at + 7)) ?? [];
    const length = Number(digits);
    if (all === undefined || length <= all.length) break;
    const record = content.toString("utf8", at + all.length, at + length - 1);
    const [key, value] = [record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1)];
    if (key === "path") said.name = value;
    if (key === "size" && /^\d{1,15}$/.test(value)) said.size = Number(value);
    at += length;
  }
  return said;
}

/** Up to the first zero byte. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}
