import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { toPixels } from "./decode-image.js";

const SIZE = 16;
const onGreen = { size: SIZE, background: "#00ff00" };

interface Tiff {
  /** Values of the pixels of the left and of the right half, each of `bits`. */
  left: number[];
  right: number[];
  bits: number;
  /** 1: unsigned, 2: signed, 3: floating point. */
  format?: number;
  /** 0: white is 0, 1: black is 0, 2: RGB, 3: palette, 5: CMYK, 8: CIELAB. */
  photometric: number;
  palette?: number[];
  width?: number;
}

/** An uncompressed TIFF, by default of 16 × 16 pixels; `SIZE` or `width` − 20 pixels high. */
function tiff({ left, right, bits, format = 1, photometric, palette = [], width = SIZE }: Tiff): Buffer {
  const values = left.length;
  const height = width > SIZE + 20 ? width - 20 : SIZE;
  const rows = Array.from({ length: height }, () => [
    ...new Array<number[]>(width / 2).fill(left).flat(),
    ...new Array<number[]>(width / 2).fill(right).flat(),
  ]);
  const data = Buffer.concat(rows.map((row) => packed(row, bits, format)));
  const entries: [tag: number, type: number, values: number[]][] = [
    [256, 3, [width]],
    [257, 3, [height]],
    [258, 3, new Array<number>(values).fill(bits)],
    [259, 3, [1]],
    [262, 3, [photometric]],
    [273, 4, [8]],
    [277, 3, [values]],
    [278, 3, [height]],
    [279, 4, [data.length]],
    ...(palette.length > 0 ? [[320, 3, palette] as [number, number, number[]]] : []),
    [339, 3, new Array<number>(values).fill(format)],
  ];
  const table = 8 + data.length;
  let more = table + 2 + 12 * entries.length + 4;
  const tail: Buffer[] = [];
  const fields = entries.map(([tag, type, content]) => {
    const field = Buffer.alloc(12);
    field.writeUInt16LE(tag, 0);
    field.writeUInt16LE(type, 2);
    field.writeUInt32LE(content.length, 4);
    const bytes = Buffer.alloc(content.length * (type === 3 ? 2 : 4));
    for (const [i, value] of content.entries())
      if (type === 3) bytes.writeUInt16LE(value, 2 * i);
      else bytes.writeUInt32LE(value, 4 * i);
    if (bytes.length <= 4) bytes.copy(field, 8);
    else {
      field.writeUInt32LE(more, 8);
      tail.push(bytes);
      more += bytes.length;
    }
    return field;
  });
  const head = Buffer.alloc(8);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(table, 4);
  const count = Buffer.alloc(2);
  count.writeUInt16LE(entries.length);
  return Buffer.concat([head, data, count, ...fields, Buffer.alloc(4), ...tail]);
}

function packed(row: number[], bits: number, format: number): Buffer {
  if (bits < 8) {
    const bytes = Buffer.alloc((row.length * bits) / 8);
    for (const [i, value] of row.entries())
      bytes[Math.floor((i * bits) / 8)]! |= value << (8 - bits - ((i * bits) % 8));
    return bytes;
  }
  const bytes = Buffer.alloc((row.length * bits) / 8);
  for (const [i, value] of row.entries()) {
    const at = (i * bits) / 8;
    if (format === 3) bits === 64 ? bytes.writeDoubleLE(value, at) : bytes.writeFloatLE(value, at);
    else if (format === 2) bytes.writeIntLE(value, at, bits / 8);
    else bytes.writeUIntLE(value, at, bits / 8);
  }
  return bytes;
}

/** The colours of the left and of the right half. */
async function halves(file: Buffer): Promise<number[][]> {
  const pixels = await toPixels(file, onGreen);
  return [2, SIZE - 3].map((x) => [...pixels.subarray((8 * SIZE + x) * 3, (8 * SIZE + x) * 3 + 3)]);
}

describe("a TIFF", () => {
  const dark = [51, 102, 153];
  const light = [204, 153, 255];
  it.each<[string, Tiff, number[][]]>([
    ["8-bit RGB", { left: dark, right: light, bits: 8, photometric: 2 }, [dark, light]],
    [
      "16-bit RGB",
      { left: dark.map((v) => 257 * v), right: light.map((v) => 257 * v), bits: 16, photometric: 2 },
      [dark, light],
    ],
    [
      "16-bit grey",
      { left: [257 * 80], right: [257 * 200], bits: 16, photometric: 1 },
      [new Array<number>(3).fill(80), new Array<number>(3).fill(200)],
    ],
    [
      "1 bit, black is 0",
      { left: [0], right: [1], bits: 1, photometric: 1 },
      [
        [0, 0, 0],
        [255, 255, 255],
      ],
    ],
    [
      "1 bit, white is 0",
      { left: [0], right: [1], bits: 1, photometric: 0 },
      [
        [255, 255, 255],
        [0, 0, 0],
      ],
    ],
    [
      "8-bit grey, white is 0",
      { left: [55], right: [155], bits: 8, photometric: 0 },
      [
        [200, 200, 200],
        [100, 100, 100],
      ],
    ],
    [
      "4-bit grey",
      { left: [3], right: [12], bits: 4, photometric: 1 },
      [dark.map(() => 51), dark.map(() => 204)],
    ],
    [
      "a palette",
      {
        ...{ left: [1], right: [2], bits: 8, photometric: 3 },
        palette: [0, 1, 2].flatMap((i) =>
          Array.from({ length: 256 }, (_, entry) => 257 * ([[0, 0, 0], dark, light][entry]?.[i] ?? 0)),
        ),
      },
      [dark, light],
    ],
    [
      "CMYK without a profile",
      { left: [0, 100, 200, 55], right: [255, 0, 0, 0], bits: 8, photometric: 5 },
      [
        [200, 122, 43],
        [0, 255, 255],
      ],
    ],
    [
      "16-bit CMYK without a profile",
      { left: [0, 100, 200, 55].map((v) => 257 * v), right: [65_535, 0, 0, 0], bits: 16, photometric: 5 },
      [
        [200, 122, 43],
        [0, 255, 255],
      ],
    ],
    // L* 53.6 is sRGB's 128; a* and b* are signed.
    [
      "CIELAB",
      { left: [136, 0, 0], right: [255, 0, 0], bits: 8, photometric: 8 },
      [
        [128, 128, 128],
        [255, 255, 255],
      ],
    ],
  ])("has the right colours: %s", async (_, given, expected) => {
    const found = await halves(tiff(given));
    for (const [i, value] of expected.flat().entries())
      expect(Math.abs(found.flat()[i]! - value), JSON.stringify(found)).toBeLessThanOrEqual(2);
  });

  it.each<[string, Omit<Tiff, "left" | "right">]>([
    ["floating-point numbers", { bits: 32, format: 3, photometric: 1 }],
    ["64-bit numbers", { bits: 64, format: 3, photometric: 1 }],
    ["32-bit numbers", { bits: 32, photometric: 1 }],
    ["32-bit numbers", { bits: 32, format: 2, photometric: 1 }],
    ["signed numbers", { bits: 16, format: 2, photometric: 1 }],
    ["signed numbers", { bits: 8, format: 2, photometric: 1 }],
  ])("of %s is refused, because its black and white are unknown: %j", async (numbers, given) => {
    for (const right of [1, 100])
      await expect(toPixels(tiff({ ...given, left: [0], right: [right] }), onGreen)).rejects.toThrow(
        `is a TIFF of ${numbers}, and it is not known which of them are black and white: convert it to 8 or 16 bits`,
      );
  });

  it("of CIELAB is scaled and cropped as others are", async () => {
    const lab = (width: number) =>
      tiff({ left: [136, 0, 0], right: [136, 0, 0], bits: 8, photometric: 8, width });
    for (const width of [30, 200]) {
      const pixels = await toPixels(lab(width), onGreen);
      for (const value of pixels) expect(Math.abs(value - 128)).toBeLessThanOrEqual(2);
    }
  });

  it("of several pages gives the first", async () => {
    const pages = [dark, light].map(([r, g, b]) => ({ r: r!, g: g!, b: b! }));
    const pngs = await Promise.all(
      pages.map((background) =>
        sharp({ create: { width: 20, height: 20, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const file = await sharp(pngs, { join: { animated: true } })
      .tiff({ compression: "lzw" })
      .toBuffer();
    expect((await sharp(file).metadata()).pages).toBe(2);
    expect(await halves(file)).toEqual([dark, dark]);
  });
});

describe("an APNG", () => {
  it("gives its default image", async () => {
    const plain = await sharp({ create: { width: 20, height: 20, channels: 3, background: "#204060" } })
      .png()
      .toBuffer();
    const other = await sharp({ create: { width: 20, height: 20, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    const data = other.indexOf("IDAT") - 4;
    const frame = Buffer.concat([Buffer.of(0, 0, 0, 1), other.subarray(data + 8, other.indexOf("IEND") - 8)]);
    const at = plain.indexOf("IDAT") - 4;
    const end = plain.indexOf("IEND") - 4;
    const control = Buffer.from(
      `${"0".repeat(7)}0${"00000014".repeat(2)}${"00000000".repeat(2)}000100640000`,
      "hex",
    );
    const file = Buffer.concat([
      plain.subarray(0, at),
      chunk("acTL", Buffer.from("0000000200000000", "hex")),
      chunk("fcTL", control),
      plain.subarray(at, end),
      chunk("fcTL", Buffer.concat([Buffer.of(0, 0, 0, 1), control.subarray(4)])),
      chunk("fdAT", Buffer.concat([Buffer.of(0, 0, 0, 2), frame.subarray(4)])),
      plain.subarray(end),
    ]);
    expect(await halves(file)).toEqual([
      [32, 64, 96],
      [32, 64, 96],
    ]);
  });
});

describe("a transparent image", () => {
  const hidden = [255, 0, 0, 0];
  const shown = [0, 0, 255, 255];
  /** A blue square on red, which is transparent. */
  const image = (width: number, height: number) => {
    const pixels = Buffer.alloc(width * height * 4);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const isShown = Math.abs(x - width / 2) < height / 4 && Math.abs(y - height / 2) < height / 4;
        pixels.set(isShown ? shown : hidden, (y * width + x) * 4);
      }
    return sharp(pixels, { raw: { width, height, channels: 4 } });
  };

  it.each([
    ["small PNG", () => image(20, 20).png()],
    ["large PNG", () => image(1000, 1000).png()],
    ["wide PNG", () => image(300, 100).png()],
    ["palette PNG", () => image(40, 40).png({ palette: true })],
    ["GIF", () => image(40, 40).gif()],
    ["WebP", () => image(200, 200).webp({ lossless: true })],
    ["TIFF", () => image(90, 90).tiff({ compression: "lzw" })],
  ])("shows no colour that it hides: %s", async (_, encode) => {
    const pixels = await toPixels(await encode().toBuffer(), onGreen);
    for (let at = 0; at < pixels.length; at += 3) {
      // Between the background and blue.
      expect(pixels[at]).toBeLessThanOrEqual(3);
      expect(Math.abs(pixels[at + 1]! + pixels[at + 2]! - 255)).toBeLessThanOrEqual(6);
    }
    expect([...pixels.subarray(0, 3)]).toEqual([0, 255, 0]);
    expect(pixels[(8 * SIZE + 8) * 3 + 2]).toBeGreaterThan(190);
  });
});

/** A chunk of a PNG. */
function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
