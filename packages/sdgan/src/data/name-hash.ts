/**
 * A hash of a name, 0 … 2³² − 1, the same on every machine: FNV-1a of the name's UTF-8 bytes, followed by
 * MurmurHash3's final mix.
 */
export function nameHash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
