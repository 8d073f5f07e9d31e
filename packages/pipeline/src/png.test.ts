import { inflateSync } from "node:zlib";
import { readTexts, withTexts } from "@sdgan/core";
import sharp from "sharp";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodePng, stored } from "./png.js";

afterEach(() => vi.unstubAllGlobals());

/** Noise above, a gradient in the middle, one color below: each kind of row prefers another filter. */
const image = (size: number) =>
  Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const y = Math.floor(i / (size * 3));
    if (y < size / 3) return (i * i * 31 + i * 7) & 0xff;
    return y < (2 * size) / 3 ? (y * 3 + (i % (size * 3))) & 0xff : 200;
  });

/** What compresses: Node's own function, a stream as in browsers, or nothing. */
const engines = {
  "Node's zlib": () => {},
  "a compression stream": () => {
    vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
  },
  nothing: () => {
    vi.stubGlobal("process", undefined);
    vi.stubGlobal("CompressionStream", undefined);
    Reflect.deleteProperty(globalThis, "CompressionStream");
  },
};

describe.each(Object.entries(engines))("with %s", (_, prepare) => {
  it.each([1, 2, 8, 64, 256])("an image of %d pixels is read back by another library", async (size) => {
    const pixels = image(size);
    prepare();
    const png = await encodePng(pixels, size);
    vi.unstubAllGlobals();
    const raw = await sharp(png, { failOn: "warning" }).raw().toBuffer();
    expect(Buffer.compare(raw, pixels)).toBe(0);
  });
});

it("has the texts that are added to a PNG later", async () => {
  const texts = { Description: "a red bird", Seed: "7", Title: "鳥" };
  const png = await encodePng(image(8), 8, texts);
  expect(readTexts(png)).toEqual(texts);
  expect(Buffer.compare(png, withTexts(await encodePng(image(8), 8), texts))).toBe(0);
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
