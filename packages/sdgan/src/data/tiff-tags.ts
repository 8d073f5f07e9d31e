/**
 * The first number of a tag in the first image of a TIFF (TIFF 6.0, section 2). Undefined if it is not a TIFF,
 * or does not have the tag.
 */
export function tiffTag(bytes: Buffer, tag: number): number | undefined {
  const order = bytes.toString("latin1", 0, 4);
  const isLittle = order === "II*\0";
  if (!isLittle && order !== "MM\0*") return undefined;
  const read = (at: number, length: number): number | undefined => {
    if (at + length > bytes.length) return undefined;
    return isLittle ? bytes.readUIntLE(at, length) : bytes.readUIntBE(at, length);
  };
  const table = read(4, 4) ?? bytes.length;
  const entries = read(table, 2) ?? 0;
  for (let entry = table + 2; entry < table + 2 + 12 * entries; entry += 12) {
    const found = read(entry, 2);
    if (found === undefined) return undefined;
    if (found !== tag) continue;
    const size = SIZES[read(entry + 2, 2) ?? 0];
    const total = size && size * (read(entry + 4, 4) ?? 0);
    if (!size || !total) return undefined;
    // Up to four bytes are in the entry itself.
    const at = total <= 4 ? entry + 8 : read(entry + 8, 4);
    return at === undefined ? undefined : read(at, size);
  }
  return undefined;
}

/** Bytes of a number of each type: byte, text, 16 bits, 32 bits. */
const SIZES: Partial<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4 };
