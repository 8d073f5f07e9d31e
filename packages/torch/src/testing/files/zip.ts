import { crc32 } from "node:zlib";

/** An entry of a zip file to write. Fields that are not given get correct values. */
export interface ZipPart {
  name: string;
  bytes: Uint8Array;
  /** 0 for uncompressed bytes, 8 for compressed ones. */
  method?: number;
  /** The size in the directory. */
  size?: number;
  crc?: number;
  /** The position in the directory. */
  offset?: number;
}

/** Writes a zip file with these entries. */
export function zipOf(parts: readonly ZipPart[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let position = 0;
  for (const {
    name,
    bytes,
    method = 0,
    size = bytes.length,
    crc = crc32(bytes),
    offset = position,
  } of parts) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(size, 22);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    local.copy(central, 10, 8, 30);
    central.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), Buffer.from(bytes));
    centrals.push(central, Buffer.from(name));
    position += 30 + Buffer.byteLength(name) + bytes.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(parts.length, 0xffff), 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...locals, directory, end]);
}
