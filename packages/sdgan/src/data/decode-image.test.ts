import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { RefusedImage, toPixels } from "./decode-image.js";

const SIZE = 20;
const WHITE_GROUND = { size: SIZE, background: "white" };
const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];
const WHITE = [255, 255, 255];

/** Vertical bands of equal width. */
function bands(colours: number[][], width: number, height: number): Sharp {
  const channels = colours[0]!.length as 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    pixels.set(colours[Math.floor(((i % width) / width) * colours.length)]!, i * channels);
  }
  return sharp(pixels, { raw: { width, height, channels } });
}

/** Pixels at 0 … 1 across and down. */
function at(pixels: Buffer, x: number, y: number): number[] {
  const place = (Math.round(y * (SIZE - 1)) * SIZE + Math.round(x * (SIZE - 1))) * 3;
  return [...pixels.subarray(place, place + 3)];
}

function expectNear(found: number[], expected: number[], tolerance = 4): void {
  expect(found).toHaveLength(3);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(tolerance);
}

describe("toPixels", () => {
  it.each(["png", "jpeg", "webp", "tiff"] as const)(
    "cuts the middle square out of a wide %s",
    async (format) => {
      const wide = bands([RED, GREEN, BLUE], 180, 60);
      const pixels = await toPixels(await wide.toFormat(format, { quality: 100 }).toBuffer(), WHITE_GROUND);
      expect(pixels).toHaveLength(SIZE * SIZE * 3);
      for (const x of [0.2, 0.5, 0.8]) expectNear(at(pixels, x, 0.5), GREEN, 10);
    },
  );

  it("crops a tall image to its central square, and enlarges a small image", async () => {
    const tall = await bands([RED, GREEN, BLUE], 6, 2).rotate(90).png().toBuffer();
    const pixels = await toPixels(tall, WHITE_GROUND);
    expectNear(at(pixels, 0.5, 0.5), GREEN);
  });

  it("keeps a transparent image whole and fills with the background", async () => {
    const clear = [9, 9, 9, 0];
    const wide = await bands([[...RED, 255], clear, [...BLUE, 255]], 180, 60)
      .png()
      .toBuffer();
    const pixels = await toPixels(wide, { size: SIZE, background: "#00ff00" });
    expectNear(at(pixels, 0.1, 0.5), RED);
    expectNear(at(pixels, 0.5, 0.5), GREEN);
    expectNear(at(pixels, 0.9, 0.5), BLUE);
    for (const y of [0, 1]) expectNear(at(pixels, 0.1, y), GREEN);
    const half = await toPixels(
      await bands([[0, 0, 0, 128]], 30, 30)
        .webp({ lossless: true })
        .toBuffer(),
      WHITE_GROUND,
    );
    expectNear(at(half, 0.5, 0.5), [127, 127, 127]);
  });

  it("treats an image with an opaque alpha channel as a photograph", async () => {
    const opaque = [RED, GREEN, BLUE].map((colour) => [...colour, 255]);
    const pixels = await toPixels(await bands(opaque, 180, 60).png().toBuffer(), WHITE_GROUND);
    for (const x of [0.1, 0.9]) expectNear(at(pixels, x, 0), GREEN);
  });

  it("applies the EXIF orientation", async () => {
    const turned = await bands([RED, BLUE], 60, 60)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const pixels = await toPixels(turned, WHITE_GROUND);
    expectNear(at(pixels, 0.5, 0.1), RED, 10);
    expectNear(at(pixels, 0.5, 0.9), BLUE, 10);
  });

  it.each([
    ["greyscale PNG", (image: Sharp) => image.toColourspace("b-w").png()],
    ["greyscale JPEG", (image: Sharp) => image.toColourspace("b-w").jpeg()],
    ["16-bit PNG", (image: Sharp) => image.toColourspace("rgb16").png()],
    ["palette PNG", (image: Sharp) => image.png({ palette: true })],
    [
      "CMYK JPEG with its profile",
      (image: Sharp) => image.toColourspace("cmyk").withIccProfile("cmyk").jpeg({ quality: 100 }),
    ],
    ["GIF", (image: Sharp) => image.gif()],
  ])("makes 8-bit sRGB of a %s", async (_, encode) => {
    const grey = [120, 120, 120];
    const pixels = await toPixels(await encode(bands([grey, grey], 40, 40)).toBuffer(), WHITE_GROUND);
    expect(pixels).toHaveLength(SIZE * SIZE * 3);
    // Different conversion tables between CMYK and sRGB give slightly different values.
    expectNear(at(pixels, 0.5, 0.5), grey, 16);
  });

  it("renders SVG at the requested size with sharp edges", async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><rect width="2" height="2" fill="red"/></svg>`;
    const pixels = await toPixels(Buffer.from(svg), WHITE_GROUND);
    expect(at(pixels, 0.25, 0.5)).toEqual(RED);
    expect(at(pixels, 9 / 19, 0.5)).toEqual(RED);
    expect(at(pixels, 10 / 19, 0.5)).toEqual(WHITE);
    expect(at(pixels, 0.25, 0.1)).toEqual(WHITE);
  });

  it.each(["png", "jpeg", "webp"] as const)("rejects a %s truncated at any point", async (format) => {
    const noise = sharp({
      create: { width: 80, height: 80, channels: 3, background: "red", noise: { type: "gaussian" } },
    });
    const whole = await noise.toFormat(format).toBuffer();
    for (const share of [0.02, 0.3, 0.6, 0.95]) {
      await expect(toPixels(whole.subarray(0, whole.length * share), WHITE_GROUND)).rejects.toThrow();
    }
  });

  it("rejects an empty file and a text", async () => {
    await expect(toPixels(Buffer.alloc(0), WHITE_GROUND)).rejects.toThrow("the file is empty");
    await expect(toPixels(Buffer.from("<html>404</html>"), WHITE_GROUND)).rejects.toThrow();
  });

  it("refuses an image with too many pixels before decoding", async () => {
    const bomb = await sharp({ create: { width: 8000, height: 6300, channels: 3, background: "red" } })
      .png({ compressionLevel: 9 })
      .toBuffer();
    await expect(toPixels(bomb, WHITE_GROUND)).rejects.toThrow(
      new RefusedImage(
        "is too large: 8000 × 6300 pixels; at most 50 million are read of an image that is not a JPEG. Scale it down",
      ),
    );
  });

  it("uses the first frame of an animation", async () => {
    const frames = await Promise.all([RED, BLUE].map((colour) => bands([colour], 30, 30).png().toBuffer()));
    const animation = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expectNear(at(await toPixels(animation, WHITE_GROUND), 0.5, 0.5), RED);
  });
});
