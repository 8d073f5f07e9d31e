import { concatenated, PNG_SIGNATURE, pngChunk } from "@sdgan/core";

/**
 * Encodes an image as PNG, 8-bit RGB. Each row is filtered by the filter with the least sum of magnitudes (PNG
 * specification, 12.7), and compressed with the engine's deflate; without it (old versions of Bun) it is stored.
 *
 * @param pixels [size, size, 3] bytes
 */
export async function encodePng(pixels: Uint8Array, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, size);
  view.setUint32(4, size);
  // 8 bits, RGB.
  header.set([8, 2], 8);
  const rows = filtered(pixels, size);
  const data = "CompressionStream" in globalThis ? await deflated(rows) : stored(rows);
  return concatenated([
    PNG_SIGNATURE,
    pngChunk("IHDR", header),
    pngChunk("IDAT", data),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // "deflate" is zlib's format (RFC 1950), as in PNG.
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** zlib's format (RFC 1950) with blocks that are not compressed. */
export function stored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  let at = 0;
  do {
    const block = bytes.subarray(at, at + 0xffff);
    at += block.length;
    const { length } = block;
    const last = at >= bytes.length ? 1 : 0;
    parts.push(Uint8Array.of(last, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff), block);
  } while (at < bytes.length);
  const checksum = new Uint8Array(4);
  new DataView(checksum.buffer).setUint32(0, adler32(bytes));
  return concatenated([...parts, checksum]);
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

/** Rows with the number of their filter before them: [size, 1 + size · 3] bytes. */
function filtered(pixels: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const width = size * 3;
  const rows = new Uint8Array(size * (width + 1));
  const candidates = FILTERS.map(() => new Uint8Array(width));
  for (let y = 0; y < size; y++) {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [number, filter] of FILTERS.entries()) {
      const row = candidates[number]!;
      let sum = 0;
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        const left = x < 3 ? 0 : pixels[at - 3]!;
        const up = y === 0 ? 0 : pixels[at - width]!;
        const corner = x < 3 || y === 0 ? 0 : pixels[at - width - 3]!;
        const value = (pixels[at]! - filter(left, up, corner)) & 0xff;
        row[x] = value;
        sum += value < 128 ? value : 256 - value;
      }
      if (sum < least) [least, best] = [sum, number];
    }
    rows[y * (width + 1)] = best;
    rows.set(candidates[best]!, y * (width + 1) + 1);
  }
  return rows;
}

/** None, Sub, Up, Average, Paeth: what each predicts (PNG specification, 9.2). */
const FILTERS: ((left: number, up: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  (left, up, corner) => {
    const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
    if (a <= b && a <= c) return left;
    return b <= c ? up : corner;
  },
];
