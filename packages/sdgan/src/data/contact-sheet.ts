import sharp from "sharp";

const COLUMNS = 12;
const GAP = 4;

/**
 * Pictures side by side, twelve to a row, as a PNG.
 * `pictures`: [size, size, 3] bytes each.
 */
export async function contactSheet(pictures: Uint8Array[], size: number): Promise<Buffer> {
  const step = size + GAP;
  const columns = Math.min(COLUMNS, pictures.length);
  const width = columns * step + GAP;
  const height = Math.ceil(pictures.length / columns) * step + GAP;
  const sheet = Buffer.alloc(width * height * 3, 128);
  for (const [i, picture] of pictures.entries()) {
    const left = GAP + (i % columns) * step;
    const top = GAP + Math.floor(i / columns) * step;
    for (let row = 0; row < size; row++) {
      sheet.set(picture.subarray(row * size * 3, (row + 1) * size * 3), ((top + row) * width + left) * 3);
    }
  }
  return sharp(sheet, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
