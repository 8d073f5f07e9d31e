/** Samples generated during training: the same captions and noise at every step. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { readImagePositions } from "../images/grid.js";
import { onDisk } from "../util/system-errors.js";
import type { ImageRow } from "./page.js";

/** Most sample grids shown, and most images of each. */
const most = { grids: 8, images: 8 };

/** One row per caption, one column per step; undefined if no sample grid has the positions of its images. */
export async function samplesOverSteps(
  folder: string,
): Promise<{ steps: number[]; rows: ImageRow[] } | undefined> {
  const names = onDisk(folder, () => readdirSync(folder)).filter((name) => /^step-\d+\.png$/.test(name));
  const grids = spread(names.sort(), most.grids).map((name) => {
    const grid = onDisk(join(folder, name), () => readFileSync(join(folder, name)));
    return {
      step: Number(/\d+/.exec(name)![0]),
      grid,
      places: readImagePositions(grid).slice(0, most.images),
    };
  });
  const readable = grids.filter(({ places }) => places.length > 0);
  const captions = readable.at(-1)?.places.map(({ caption = "" }) => caption);
  if (!captions) return undefined;
  const columns = await Promise.all(
    readable.map(({ grid, places }) =>
      Promise.all(
        places.map(async ({ x, y, side, size }) => {
          const cut = { left: x, top: y, width: side, height: side };
          const png = await sharp(grid)
            .extract(cut)
            .resize(size, size, { kernel: "nearest" })
            .png()
            .toBuffer();
          return { image: `data:image/png;base64,${png.toString("base64")}` };
        }),
      ),
    ),
  );
  const rows = captions.map((title, row) => ({ title, images: columns.map((column) => column[row]) }));
  return { steps: readable.map(({ step }) => step), rows };
}

/** At most `count` evenly spaced items, the last one included. */
function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round(((i + 1) * items.length) / count) - 1]!);
}
