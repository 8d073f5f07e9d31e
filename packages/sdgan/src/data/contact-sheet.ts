import { type GridPicture, grid } from "../images/grid.js";
import { SPLITS } from "./format.js";
import type { Prepared, PreparedSplit } from "./prepared.js";

const COLUMNS = 8;
/** Rows of each split, at most. */
const ROWS = { train: 5, test: 2 };

/** Pictures from all over both splits, each with its first caption under it, as a PNG: a look at what training gets. */
export async function contactSheet({ source, size, storedSize, splits }: Prepared): Promise<Buffer> {
  const rows: GridPicture[][] = [];
  const names: string[] = [];
  for (const split of SPLITS) {
    const pictures = spread(splits[split], ROWS[split] * COLUMNS, storedSize);
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
