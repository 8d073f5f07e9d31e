import { createHash } from "node:crypto";
import sharp, { type JpegOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { checksum, jpegHeader, jpegSquare, type Rectangle, square } from "./index.js";

/** [height, width, 4] bytes computed by a formula. */
function formulaImage(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set([(x * x + 7 * y) % 256, (x * y + 3 * x) % 256, (5 * x + y * y) % 256], (y * width + x) * 4);
    }
  }
  return data;
}

async function squareOf(data: Uint8Array, width: number, height: number, size: number, orientation = 1) {
  const into = new Uint8Array(size * size * 3);
  await square({ data, width, height, orientation }, size, into);
  return into;
}

/** An image with edges and gradients. */
function photograph(width: number, height: number) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#g)"/><circle cx="40%" cy="45%" r="25%" fill="#1a6"/>
    <path d="M0 0L${width} ${height}" stroke="gold" stroke-width="7"/></svg>`;
  return sharp(Buffer.from(svg)).flatten();
}

describe("square", () => {
  // Pillow 9.4: Image.resize((size, size), Image.BILINEAR) of the same images; SHA-256 of the bytes.
  it.each([
    [100, 64, "7125eebe630b6ab4"],
    [100, 150, "7da1d56c482f67d7"],
    [97, 96, "353c12c7295624a0"],
    [300, 19, "d0f2679a3ced0e18"],
    [31, 304, "ffea50b2613cd47f"],
    [2, 5, "18d044821a194cbb"],
    [1, 3, "ea49aa9f6f6cf2d5"],
    [5, 2, "4616c12e10f6f93f"],
  ])("scales %i pixels a side to %i as Pillow does", async (side, size, sha256) => {
    const pixels = await squareOf(formulaImage(side, side), side, side, size);
    expect(createHash("sha256").update(pixels).digest("hex").slice(0, 16)).toBe(sha256);
  });

  it.each([
    [40, 25],
    [26, 41],
    [25, 25],
  ])("crops the centre of %i × %i pixels without interpolation", async (width, height) => {
    const data = formulaImage(width, height);
    const pixels = await squareOf(data, width, height, 25);
    const [left, top] = [(width - Math.min(width, height)) >> 1, (height - Math.min(width, height)) >> 1];
    for (let y = 0; y < 25; y++) {
      for (let x = 0; x < 25 && Math.min(width, height) === 25; x++) {
        const from = ((top + y) * width + left + x) * 4;
        expect([...pixels.subarray((y * 25 + x) * 3, (y * 25 + x) * 3 + 3)]).toEqual([
          ...data.subarray(from, from + 3),
        ]);
      }
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("turns by orientation %i as sharp does", async (orientation) => {
    const data = formulaImage(20, 20);
    const file = await sharp(data, { raw: { width: 20, height: 20, channels: 4 } })
      .removeAlpha()
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const upright = await sharp(file).autoOrient().raw().toBuffer();
    expect(await squareOf(data, 20, 20, 20, orientation)).toEqual(new Uint8Array(upright));
  });

  it("refuses pixels and output buffers of another size", async () => {
    const raw = { data: new Uint8Array(100), width: 5, height: 5, orientation: 1 };
    expect(() => square(raw, 2, new Uint8Array(13))).toThrow("output buffer of another size");
    expect(() => square({ ...raw, width: 6 }, 2, new Uint8Array(12))).toThrow("pixels of another size");
    expect(() => square({ ...raw, data: "x" as never }, 2, new Uint8Array(12))).toThrow("expected bytes");
  });
});

describe.runIf(readsJpeg())("jpegSquare", () => {
  /** The same result from a full decoding by sharp, cropped and scaled. */
  async function reference(file: Buffer, crop: Rectangle, size: number, orientation = 1) {
    const data = await sharp(file).extract(crop).toColourspace("srgb").ensureAlpha().raw().toBuffer();
    return squareOf(data, crop.width, crop.height, size, orientation);
  }

  it.each<[string, JpegOptions]>([
    ["baseline, 4:2:0", {}],
    ["baseline, 4:4:4", { chromaSubsampling: "4:4:4" }],
    ["progressive", { progressive: true }],
    ["of restarts and trellis", { mozjpeg: true }],
  ])("equals a full decoding, for any crop: %s", async (_, options) => {
    const file = await photograph(211, 173).jpeg(options).toBuffer();
    expect(jpegHeader(file)).toEqual({ width: 211, height: 173, orientation: 1 });
    for (const crop of [
      { left: 0, top: 0, width: 211, height: 173 },
      { left: 17, top: 19, width: 101, height: 90 },
      { left: 33, top: 1, width: 64, height: 172 },
      { left: 110, top: 90, width: 101, height: 83 },
      { left: 210, top: 172, width: 1, height: 1 },
      { left: 95, top: 80, width: 1, height: 40 },
    ]) {
      const into = new Uint8Array(60 * 60 * 3);
      await jpegSquare(file, crop, 60, into);
      expect(into, JSON.stringify(crop)).toEqual(await reference(file, crop, 60));
    }
  });

  it("reads grey images, and turns by EXIF orientation in either byte order", async () => {
    for (const orientation of [1, 3, 6, 8]) {
      const grey = await photograph(80, 60)
        .toColourspace("b-w")
        .withMetadata({ orientation })
        .jpeg()
        .toBuffer();
      const plain = withoutProfile(grey);
      expect(jpegHeader(plain)).toEqual({ width: 80, height: 60, orientation });
      const crop = { left: 5, top: 3, width: 50, height: 57 };
      const into = new Uint8Array(40 * 40 * 3);
      await jpegSquare(plain, crop, 40, into);
      expect(into).toEqual(await reference(plain, crop, 40, orientation));
    }
  });

  it("decodes a large image at reduced size, with a small difference", async () => {
    const file = await photograph(1300, 1000).jpeg({ quality: 90 }).toBuffer();
    const crop = { left: 101, top: 57, width: 1003, height: 911 };
    const into = new Uint8Array(50 * 50 * 3);
    await jpegSquare(file, crop, 50, into);
    const exact = await reference(file, crop, 50);
    const errors = exact.map((value, i) => Math.abs(value - into[i]!));
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(1.5);
  });

  it("converts CMYK as browsers do: each colour's remaining white times black's", async () => {
    const file = await photograph(64, 64).toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer();
    const inks = await sharp(file).pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer();
    expect(inks).toHaveLength(64 * 64 * 4);
    const light = Array.from({ length: 64 * 64 * 3 }, (_, i) => {
      const [ink, black] = [inks[4 * Math.floor(i / 3) + (i % 3)]!, inks[4 * Math.floor(i / 3) + 3]!];
      return Math.round(((255 - ink) * (255 - black)) / 255);
    });
    const into = new Uint8Array(64 * 64 * 3);
    await jpegSquare(file, { left: 0, top: 0, width: 64, height: 64 }, 64, into);
    expect([...into]).toEqual(light);
  });

  it("returns no header for files that it cannot read", async () => {
    const image = photograph(40, 30);
    expect(jpegHeader(await image.clone().png().toBuffer())).toBeUndefined();
    expect(jpegHeader(await image.clone().withIccProfile("p3").jpeg().toBuffer())).toBeUndefined();
    expect(jpegHeader(await image.clone().withIccProfile("srgb").jpeg().toBuffer())).toBeDefined();
    expect(jpegHeader(new Uint8Array(0))).toBeUndefined();
    expect(jpegHeader(Buffer.from([0xff, 0xd8, 0xff]))).toBeUndefined();
  });

  it("refuses truncated files for every crop, and ignores bytes after the end", async () => {
    const whole = await photograph(120, 90).jpeg().toBuffer();
    const crop = { left: 10, top: 5, width: 20, height: 20 };
    const into = new Uint8Array(300);
    for (const share of [0.5, 0.8, 0.99]) {
      const cut = whole.subarray(0, whole.length * share);
      await expect(jpegSquare(cut, crop, 10, into)).rejects.toThrow("the file is cut short");
    }
    await jpegSquare(Buffer.concat([whole, Buffer.from("trailer")]), crop, 10, into);
  });

  it("refuses a crop that is not in the image", async () => {
    const file = await photograph(40, 30).jpeg().toBuffer();
    const crop = { left: 0, top: 0, width: 40, height: 30 };
    for (const wrong of [{ left: 1 }, { top: 1 }, { width: 0 }, { height: 31 }, { left: -1 }, { top: 0.5 }]) {
      expect(() => jpegSquare(file, { ...crop, ...wrong }, 10, new Uint8Array(300))).toThrow();
    }
  });
});

describe("checksum", () => {
  // `xxhsum -H64` of xxHash 0.8.
  it.each([
    ["", "ef46db3751d8e999"],
    ["a", "d24ec4f1a98c6e5b"],
    ["abc", "44bc2cf5ad770999"],
    ["Nobody inspects the spammish repetition", "fbcea83c8a378bf1"],
  ])("of %j is XXH64", (text, expected) => {
    expect(checksum(Buffer.from(text))).toBe(expected);
  });

  it("changes when any byte changes", () => {
    const bytes = new Uint8Array(100);
    const seen = new Set([checksum(bytes)]);
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = 1;
      seen.add(checksum(bytes));
      bytes[i] = 0;
    }
    expect(seen.size).toBe(101);
  });
});

/** False if the addon was built without libjpeg-turbo; sharp then decodes all images. */
function readsJpeg(): boolean {
  const smallest = Buffer.from(
    "/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==",
    "base64",
  );
  return jpegHeader(smallest) !== undefined;
}

/** A JPEG without its APP2 segments. */
function withoutProfile(file: Buffer): Buffer {
  const parts = [file.subarray(0, 2)];
  let at = 2;
  while (file[at + 1] !== 0xda) {
    const end = at + 2 + file.readUInt16BE(at + 2);
    if (file[at + 1] !== 0xe2) parts.push(file.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, file.subarray(at)]);
}
