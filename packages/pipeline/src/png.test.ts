import { inflateSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, expect, it, vi } from "vitest";
import { encodePng, stored } from "./png.js";

afterEach(() => vi.unstubAllGlobals());

/** Noise above, a gradient in the middle, one color below: each kind of row prefers another filter. */
const image = (size: number) =>
  Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const y = Math.floor(i / (size * 3));
    if (y < size / 3) return (i * i * 31 + i * 7) & 0xff;
    return y < (2 * size) / 3 ? (y * 3 + (i % (size * 3))) & 0xff : 200;
  });

it.each([1, 2, 8, 64, 256])("an image of %d pixels is read back by another library", async (size) => {
  const pixels = image(size);
  const raw = async () =>
    sharp(await encodePng(pixels, size), { failOn: "warning" })
      .raw()
      .toBuffer();
  expect(Buffer.compare(await raw(), pixels)).toBe(0);
  vi.stubGlobal("CompressionStream", undefined);
  Reflect.deleteProperty(globalThis, "CompressionStream");
  expect("CompressionStream" in globalThis).toBe(false);
  expect(Buffer.compare(await raw(), pixels)).toBe(0);
});

it("is not much larger than what a library for images writes", async () => {
  const pixels = image(64);
  const other = await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
    .png({ adaptiveFiltering: true })
    .toBuffer();
  expect((await encodePng(pixels, 64)).length).toBeLessThan(other.length * 1.1);
});

it("stores any number of bytes", () => {
  for (const length of [0, 1, 65_534, 65_535, 65_536, 200_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
    expect(Buffer.compare(inflateSync(stored(bytes)), bytes)).toBe(0);
  }
});
