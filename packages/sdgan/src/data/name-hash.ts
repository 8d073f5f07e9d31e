/**
 * A number from 0 to 2³² − 1 that a name decides, the same on every machine: FNV-1a with a final mix (MurmurHash3's), of
 * the name's UTF-8 bytes.
 */
export function nameHash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
