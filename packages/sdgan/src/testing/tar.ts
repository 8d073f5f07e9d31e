/** For tests: one member of a tar file in ustar format, padded to whole blocks. */
export function tarMember(name: string, content: Buffer | string, options: TarMemberOptions = {}): Buffer {
  const { type = "0", link = "", size = Buffer.byteLength(content) } = options;
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\x000000000\x000000000\0", 100);
  header.write(options.sizeField ?? `${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  header.write("00000000000\0", 136);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write("ustar\x0000", 257);
  header.write(options.prefix ?? "", 345, 155);
  header.write(" ".repeat(8), 148);
  const sum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.from(content as string);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

export interface TarMemberOptions {
  /** "0" is a file, "1" and "2" are links, "5" is a folder, "x" and "L" are headers for the next member. */
  type?: string;
  /** Target of a link. */
  link?: string;
  prefix?: string;
  /** Size in the header, if it should be wrong. */
  size?: number;
  sizeField?: string;
}

/** A tar file: the members and the end marker. */
export function tar(...members: Buffer[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}
