/** For tests: writes Python 2 pickles of the types that AttnGAN's lists have. */

/** A list, a `Map` (a dictionary), a text, or an integer below 2³¹. */
export type Pickled = string | number | Pickled[] | Map<string | number, Pickled>;

/** Protocol 2 (binary), as in AttnGAN's `captions.pickle`. Texts are Python 2's `str`, ASCII. */
export function pickle(value: Pickled): Buffer {
  const parts: Buffer[] = [Buffer.from([0x80, 2])];
  write(value, parts);
  parts.push(Buffer.from("."));
  return Buffer.concat(parts);
}

/** Protocol 0 (text), as in AttnGAN's `filenames.pickle` and `class_info.pickle`. */
export function pickleAsText(list: (string | number)[]): Buffer {
  const items = list.map((item, i) => (typeof item === "string" ? `V${item}\np${i + 1}\na` : `I${item}\na`));
  return Buffer.from(`(lp0\n${items.join("")}.`, "latin1");
}

function write(value: Pickled, parts: Buffer[]): void {
  if (typeof value === "number") parts.push(integer(value));
  else if (typeof value === "string") parts.push(text(value));
  else if (Array.isArray(value)) {
    parts.push(Buffer.from("](")); // An empty list, a mark, the items, and APPENDS.
    for (const item of value) write(item, parts);
    parts.push(Buffer.from("e"));
  } else {
    parts.push(Buffer.from("}(")); // An empty dictionary, a mark, keys and values, and SETITEMS.
    for (const [key, item] of value) {
      write(key, parts);
      write(item, parts);
    }
    parts.push(Buffer.from("u"));
  }
}

/** BININT1, BININT2 or BININT. */
function integer(value: number): Buffer {
  if (value >= 0 && value < 2 ** 8) return Buffer.from([0x4b, value]);
  if (value >= 0 && value < 2 ** 16) return Buffer.from([0x4d, value & 0xff, value >> 8]);
  const bytes = Buffer.from("J\0\0\0\0");
  bytes.writeInt32LE(value, 1);
  return bytes;
}

/** SHORT_BINSTRING or BINSTRING. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 2 ** 8) return Buffer.concat([Buffer.from([0x55, bytes.length]), bytes]);
  const head = Buffer.from("T\0\0\0\0");
  head.writeInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
