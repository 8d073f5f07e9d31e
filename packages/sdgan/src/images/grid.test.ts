import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type GridImage, grid, readImagePositions } from "./grid.js";
import type { Color } from "./text.js";

const red: Color = [255, 0, 0];
const blue: Color = [0, 0, 255];

/** An image whose left half is red and whose right half is blue. */
function halves(size: number, caption?: string): GridImage {
  const pixels = Uint8Array.from({ length: size * size }, (_, i) => i % size).map((x) =>
    x < size / 2 ? 0 : 1,
  );
  return {
    size,
    pixels: Uint8Array.from([...pixels].flatMap((right) => (right ? blue : red))),
    ...(caption && { caption }),
  };
}

async function decoded(png: Buffer) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ];
  const count = (color: Color) => {
    let found = 0;
    for (let i = 0; i < data.length; i += 3)
      if (data[i] === color[0] && data[i + 1] === color[1] && data[i + 2] === color[2]) found++;
    return found;
  };
  return { width: info.width, height: info.height, at, count };
}

describe("grid", () => {
  it("shows every pixel, enlarged by a whole factor", async () => {
    const sheet = await decoded(await grid([[halves(16), halves(16)]], { scale: 3 }));
    expect([sheet.width, sheet.height]).toEqual([8 + 48 + 4 + 48 + 8, 8 + 48 + 8]);
    expect([sheet.count(red), sheet.count(blue)]).toEqual([2 * 24 * 48, 2 * 24 * 48]);
    expect([sheet.at(8, 8), sheet.at(31, 55), sheet.at(32, 8), sheet.at(56, 8)]).toEqual([
      red,
      red,
      blue,
      [255, 255, 255],
    ]);
  });

  it("shows the images of all stages at the same size, at least 128 pixels", async () => {
    const sheet = await decoded(await grid([[halves(16), halves(32), halves(64)]]));
    expect(sheet.width).toBe(16 + 3 * 128 + 2 * 8 + 16);
    expect(sheet.count(red)).toBe(3 * 64 * 128);
  });

  it("makes space for labels", async () => {
    const bare = await decoded(await grid([[halves(64)], [halves(64)]]));
    const caption = "a small bird with a red crown and a yellow belly";
    const worded = await decoded(
      await grid([[halves(64)], [halves(64, caption)]], {
        title: "Captions of unseen species",
        columnTitles: ["64"],
        rowCaptions: [caption, "a bird"],
      }),
    );
    expect(worded.width).toBeGreaterThan(bare.width + 100);
    expect(worded.height).toBeGreaterThan(bare.height + 4 * 22);
    expect(worded.count([32, 32, 32])).toBeGreaterThan(1000);
    expect(worded.count(red)).toBe(bare.count(red));
  });

  it("accepts gaps, rows of different lengths, and an empty grid", async () => {
    const sheet = await decoded(await grid([[undefined, halves(8)], [halves(8)], []], { scale: 1 }));
    expect(sheet.count(red)).toBe(2 * 32);
    expect((await decoded(await grid([]))).width).toBeGreaterThan(0);
  });

  it("reports the positions of its images", async () => {
    const sheet = await grid([[halves(16), undefined, halves(32, "a bird")]], { title: "two", scale: 3 });
    const places = readImagePositions(sheet);
    expect(places.map(({ side, size, caption }) => [side, size, caption])).toEqual([
      [96, 16, undefined],
      [96, 32, "a bird"],
    ]);
    for (const { x, y, side, size } of places) {
      const cut = await sharp(sheet)
        .extract({ left: x, top: y, width: side, height: side })
        .resize(size, size, { kernel: "nearest" })
        .raw()
        .toBuffer();
      expect(Uint8Array.from(cut)).toEqual(halves(size).pixels);
    }
    expect(readImagePositions(await sharp(sheet).png().toBuffer())).toEqual([]);
  });

  it("keeps the pixels of images beside captions in the machine's fonts", async () => {
    const caption = "лицо с очень большими глазами ÉÅ";
    const bare = await decoded(await grid([[halves(64), halves(64)]]));
    const worded = await decoded(await grid([[halves(64, caption), halves(64, caption)]], { title: "лицо" }));
    expect([worded.count(red), worded.count(blue)]).toEqual([bare.count(red), bare.count(blue)]);
    expect(worded.height).toBeGreaterThan(bare.height + 2 * 22);
  });

  it("rejects pixels that do not match the image's size", async () => {
    await expect(grid([[{ size: 4, pixels: new Uint8Array(16) }]])).rejects.toThrow("has 48 bytes; found 16");
  });
});
