import sharp from "sharp";
import { type GridImage, type GridOptions, grid } from "../images/grid.js";
import { SPLITS } from "./format.js";
import type { Prepared, PreparedSplit } from "./prepared.js";

const COLUMNS = 8;
/** Maximum number of rows of each split. */
const ROWS = { train: 4, val: 1, test: 2 };
/** Larger images are scaled to this side, which leaves width for captions and limits the file's size. */
const LARGEST = 228;

/** A PNG for inspection: images spread evenly over each split, each with its first caption below it. */
export async function contactSheet(
  { source, size, storedSize, splits }: Prepared,
  onMissingFont?: GridOptions["onMissingFont"],
): Promise<Buffer> {
  const rows: GridImage[][] = [];
  const names: string[] = [];
  for (const split of SPLITS) {
    const chosen = spread(splits[split], ROWS[split] * COLUMNS, storedSize);
    const images = await Promise.all(chosen.map(scaledDown));
    for (let i = 0; i < images.length; i += COLUMNS) {
      rows.push(images.slice(i, i + COLUMNS));
      names.push(i === 0 ? split : "");
    }
  }
  const { train, val, test } = splits;
  return grid(rows, {
    title:
      `${source}, ${size}x${size}: ${counted(train, "training image")}, ` +
      `${counted(val, "validation image")}, ${counted(test, "test image")}`,
    rowCaptions: names,
    onMissingFont,
  });
}

function counted({ images }: PreparedSplit, noun: string): string {
  return `${images.length} ${noun}${images.length === 1 ? "" : "s"}`;
}

/** At most `count` images, evenly spread over a split. */
function spread({ images, pixels }: PreparedSplit, count: number, size: number): GridImage[] {
  const n = Math.min(count, images.length);
  return Array.from({ length: n }, (_, i) => {
    const index = Math.floor((i * images.length) / n);
    const [{ text: caption } = { text: "" }] = images.at(index).captions;
    return { pixels: pixels(index).slice(), size, caption };
  });
}

async function scaledDown(image: GridImage): Promise<GridImage> {
  const { pixels, size } = image;
  if (size <= LARGEST) return image;
  const whole = sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
  return { ...image, pixels: await whole.resize(LARGEST).raw().toBuffer(), size: LARGEST };
}
