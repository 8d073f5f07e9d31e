import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { cropAround } from "./crop.js";
import type { Box } from "./dataset.js";
import { toPixels } from "./decode-image.js";

/** An image in which each pixel's colour is its position: [column, row, 99]. */
async function mapOf(width: number, height: number, orientation = 1): Promise<Buffer> {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) pixels.set([x, y, 99], (y * width + x) * 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .withMetadata({ orientation })
    .png()
    .toBuffer();
}

/** The columns and rows of the image in an unscaled crop, computed as in the published code. */
function published({ x, y, width, height }: Box, imageWidth: number, imageHeight: number) {
  const r = Math.floor(Math.max(width, height) * 0.75);
  const within = (centre: number, end: number) =>
    Array.from({ length: 2 * r }, (_, i) => centre - r + i).filter((place) => place >= 0 && place < end);
  return {
    columns: within(Math.floor(x + width / 2), imageWidth),
    rows: within(Math.floor(y + height / 2), imageHeight),
  };
}

describe("cropAround", () => {
  it.each<[string, Box]>([
    ["in the middle", { x: 60, y: 70, width: 40, height: 20 }],
    ["with fractions", { x: 60.5, y: 70.7, width: 33.3, height: 21.9 }],
    ["clipped at the upper left", { x: 3, y: 5, width: 60, height: 44 }],
    ["clipped at the lower right", { x: 150, y: 100, width: 40, height: 45 }],
    ["as large as the image", { x: 0, y: 0, width: 200, height: 150 }],
    ["beyond the image's edge", { x: 170, y: 20, width: 60, height: 30 }],
    ["tiny", { x: 20, y: 20, width: 2, height: 1 }],
  ])("equals the published rule for a box %s", (_, box) => {
    const { columns, rows } = published(box, 200, 150);
    expect(cropAround(box, 200, 150)).toEqual({
      ...{ left: columns[0], top: rows[0], width: columns.length, height: rows.length },
    });
  });

  it.each<[string, Box]>([
    ["of zero size", { x: 20, y: 20, width: 0, height: 0 }],
    ["of less than a pixel", { x: 20, y: 20, width: 1, height: 1 }],
    ["beside the image", { x: 400, y: 20, width: 50, height: 50 }],
    ["above the image", { x: 20, y: -400, width: 50, height: 50 }],
    ["of a negative size", { x: 20, y: 20, width: -50, height: -50 }],
    ["with NaN", { x: Number.NaN, y: 20, width: 50, height: 50 }],
    ["of infinite size", { x: 20, y: 20, width: Number.POSITIVE_INFINITY, height: 50 }],
  ])("rejects a box %s", async (_, box) => {
    expect(() => cropAround(box, 200, 150)).toThrow(
      /its bounding box \(.*\) has no pixels of the image, which has 200 × 150/,
    );
    const options = { size: 20, background: "white", box };
    await expect(toPixels(await mapOf(200, 150), options)).rejects.toThrow(/its bounding box/);
  });
});

describe("toPixels with a box", () => {
  it("returns exactly the pixels of the crop", async () => {
    const box = { x: 60.5, y: 70.7, width: 33.3, height: 21.9 };
    const { columns, rows } = published(box, 200, 150);
    const size = columns.length;
    const pixels = await toPixels(await mapOf(200, 150), { size, background: "white", box });
    const expected = rows.flatMap((y) => columns.flatMap((x) => [x, y, 99]));
    expect([...pixels]).toEqual(expected);
  });

  it("uses the centre of a crop that is clipped at the image's edge", async () => {
    const box = { x: 0, y: 60, width: 58, height: 20 };
    const { columns, rows } = published(box, 200, 150);
    const [size, cut] = [columns.length, (rows.length - columns.length) >> 1];
    expect(cut).toBeGreaterThan(0);
    const pixels = await toPixels(await mapOf(200, 150), { size, background: "white", box });
    const expected = rows.slice(cut, cut + size).flatMap((y) => columns.flatMap((x) => [x, y, 99]));
    expect([...pixels]).toEqual(expected);
  });

  it("crops the stored image before it is rotated", async () => {
    const box = { x: 20, y: 90, width: 40, height: 20 };
    const { columns, rows } = published(box, 200, 150);
    const size = columns.length;
    /** Orientation → the stored pixel of the crop at column x, row y, by the EXIF standard's table. */
    const last = size - 1;
    const stored: Record<number, (x: number, y: number) => [number, number]> = {
      1: (x, y) => [x, y],
      2: (x, y) => [last - x, y],
      3: (x, y) => [last - x, last - y],
      4: (x, y) => [x, last - y],
      5: (x, y) => [y, x],
      6: (x, y) => [y, last - x],
      7: (x, y) => [last - y, last - x],
      8: (x, y) => [last - y, x],
    };
    for (const [orientation, from] of Object.entries(stored)) {
      const image = await mapOf(200, 150, Number(orientation));
      const pixels = await toPixels(image, { size, background: "white", box });
      const expected = Array.from({ length: size * size }, (_, i) => {
        const [x, y] = from(i % size, Math.floor(i / size));
        return [columns[x], rows[y], 99];
      }).flat();
      expect([...pixels], `orientation ${orientation}`).toEqual(expected);
    }
  });
});
