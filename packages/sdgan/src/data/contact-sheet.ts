import sharp from "sharp";
import { type GridPicture, grid } from "../images/grid.js";
import { SPLITS } from "./format.js";
import type { Prepared, PreparedSplit } from "./prepared.js";

const COLUMNS = 8;
/** Rows of each split, at most. */
const ROWS = { train: 4, test: 2 };
/** Larger pictures are scaled down: there is room for captions beneath, and the file stays one to look at. */
const LARGEST = 228;

/** Pictures from all over both splits, each with its first caption under it, as a PNG: a look at what training gets. */
export async function contactSheet({ source, size, storedSize, splits }: Prepared): Promise<Buffer> {
  const rows: GridPicture[][] = [];
  const names: string[] = [];
  for (const split of SPLITS) {
    const chosen = spread(splits[split], ROWS[split] * COLUMNS, storedSize);
    const pictures = await Promise.all(chosen.map(scaledDown));
    for (let i = 0; i < pictures.length; i += COLUMNS) {
      rows.push(pictures.slice(i, i + COLUMNS));
      names.push(i === 0 ? split : "");
    }
  }
  const { train, test } = splits;
  return grid(rows, {
    title:
      `${source}, ${size}x${size}: ${train.pictures.length} pictures to train on, ` +
      `${test.pictures.length} to test on`,
    rowCaptions: names,
  });
}

/** At most `count` pictures, evenly spread over a split. */
function spread({ pictures, pixels }: PreparedSplit, count: number, size: number): GridPicture[] {
  const n = Math.min(count, pictures.length);
  return Array.from({ length: n }, (_, i) => {
    const index = Math.floor((i * pictures.length) / n);
    const [{ text: caption } = { text: "" }] = pictures.at(index).captions;
    return { pixels: pixels(index).slice(), size, caption };
  });
}

async function scaledDown(picture: GridPicture): Promise<GridPicture> {
  const { pixels, size } = picture;
  if (size <= LARGEST) return picture;
  const whole = sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
  return { ...picture, pixels: await whole.resize(LARGEST).raw().toBuffer(), size: LARGEST };
}
