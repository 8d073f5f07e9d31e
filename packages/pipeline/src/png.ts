import { concatenated, PNG_SIGNATURE, pngChunk, textChunks } from "@sdgan/core";
import { filteredRows } from "./png-filters.js";

/**
 * Encodes an image as PNG, 8-bit RGB. Each row is filtered by the filter with the least sum of magnitudes (PNG
 * specification, 12.7), and compressed with the engine's deflate; without it (old versions of Bun) it is stored.
 *
 * @param pixels [size, size, 3] bytes
 * @param texts keyword → text, in the chunks that `withTexts` writes
 */
export async function encodePng(
  pixels: Uint8Array,
  size: number,
  texts: Record<string, string> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, size);
  view.setUint32(4, size);
  // 8 bits, RGB.
  header.set([8, 2], 8);
  return concatenated([
    PNG_SIGNATURE,
    pngChunk("IHDR", header),
    ...textChunks(texts),
    pngChunk("IDAT", await compressed(filteredRows(pixels, size))),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** In zlib's format (RFC 1950), as in PNG. */
async function compressed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Node's own functions, with which a small image takes a quarter of a stream's time. Asked for in this way they are no
  // import, which browsers could not resolve.
  const zlib = globalThis.process?.getBuiltinModule?.("node:zlib");
  // Less than a millisecond, which another thread would take to start.
  if (zlib && bytes.length <= 2 ** 16) return zlib.deflateSync(bytes);
  if (zlib)
    return new Promise((resolve, reject) =>
      zlib.deflate(bytes, (error, result) => (error ? reject(error) : resolve(result))),
    );
  if (!("CompressionStream" in globalThis)) return stored(bytes);
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
