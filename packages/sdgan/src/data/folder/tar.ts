import { isUtf8 } from "node:buffer";
import { readSync } from "node:fs";
import { UserError } from "@sdgan/core";
import type { DataFolder } from "../data-folder.js";
import { decodeText } from "../decode-text.js";
import { describePacked } from "./packed.js";

/** A file in a tar file, and the position of its bytes. */
export interface TarMember {
  name: string;
  offset: number;
  size: number;
}

/** Called for a member that is not used. */
export type ReportUnused = (name: string, reason: string) => void;

/**
 * Lists the regular files of a tar file from its headers: ustar, with the long names and sizes of pax (POSIX)
 * and GNU. Nothing is unpacked, and names are never used as paths. Links, devices and names of more than
 * 1,024 characters are skipped, and `unused` is called for them. Of members with the same name, the last one
 * counts, as in unpacking.
 * Throws a `UserError` for a file that is not a tar file or is truncated.
 */
export function readTarIndex(data: DataFolder, path: string, unused: ReportUnused = () => {}): TarMember[] {
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
      if (isZero(header)) {
        const next = afterEnd(at, fileSize, read);
        if (next === undefined) return [...members.values()];
        at = next;
        continue;
      }
      if (!hasValidChecksum(header))
        refuse(at === 0 ? describeOther(read(0, startOf(fileSize))) : `is broken at byte ${at}. ${REMEDY}`);
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
        if (name.length > MAX_NAME_LENGTH) unused(`${name.slice(0, 60)}…`, LONG_NAME);
        else if (isFile && !name.endsWith("/")) {
          if (members.has(name)) unused(name, REPEATED);
          members.set(name, { name, offset, size });
        } else if (!isFile && type !== FOLDER) unused(name, "12".includes(type) ? LINK : NO_FILE);
        extended = {};
      }
      at = offset + Math.ceil(size / BLOCK) * BLOCK;
    }
    // Two blocks of zeros should end the file, but many writers omit them.
    if (members.size > 0) return [...members.values()];
    return refuse(fileSize === 0 ? `is empty. ${REMEDY}` : describeOther(read(0, startOf(fileSize))));
  });
}

const BLOCK = 512;
const FOLDER = "5";
const LINK = "is a link, which is not followed: pack the files with tar -h --hard-dereference";
const NO_FILE = "is neither a file nor a folder";
const LONG_NAME = "has a name of more than 1,024 characters";
const REPEATED = "a later file in the tar file has the same name";
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

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * Where the next tar file begins if several were concatenated: after the zeros that fill the record of 20
 * blocks in which this one ends. Undefined if there is none.
 */
function afterEnd(
  end: number,
  fileSize: number,
  read: (offset: number, size: number) => Buffer,
): number | undefined {
  for (let at = end + BLOCK; at + BLOCK <= fileSize && at <= end + 20 * BLOCK; at += BLOCK) {
    const block = read(at, BLOCK);
    if (!isZero(block)) return hasValidChecksum(block) ? at : undefined;
  }
  return undefined;
}

/** As many bytes as `describePacked` needs. */
function startOf(fileSize: number): number {
  return Math.min(fileSize, 1024);
}

function describeOther(start: Buffer): string {
  return (
    describePacked(start) ??
    "is not a tar file. Give the folder of the images and their captions, or a tar file with them."
  );
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
  const text = bytes.subarray(0, end < 0 ? bytes.length : end);
  // Names that are not UTF-8 must stay different from each other.
  return isUtf8(text) ? text.toString("utf8") : decodeText(text).text;
}
