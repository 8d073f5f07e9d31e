/**
 * A hash of a name, 0 … 2³² − 1: FNV-1a of its UTF-8 bytes with MurmurHash3's final mix. Machine-independent.
 */
export function nameHash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
