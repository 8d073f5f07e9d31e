/** A run's samples, which it draws while it trains: the same captions and noise at every step. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { readImagePositions } from "../images/grid.js";
import { onDisk } from "../util/system-errors.js";
import type { ImageRow } from "./page.js";

/** Sheets that are shown at most, and images of each. */
const most = { sheets: 8, images: 8 };

/** Captions down, steps across; nothing where there are no sheets that say where their images are. */
export async function samplesOverSteps(
  folder: string,
): Promise<{ steps: number[]; rows: ImageRow[] } | undefined> {
  const names = onDisk(folder, () => readdirSync(folder)).filter((name) => /^step-\d+\.png$/.test(name));
  const sheets = spread(names.sort(), most.sheets).map((name) => {
    const sheet = onDisk(join(folder, name), () => readFileSync(join(folder, name)));
    return {
      step: Number(/\d+/.exec(name)![0]),
      sheet,
      places: readImagePositions(sheet).slice(0, most.images),
    };
  });
  const told = sheets.filter(({ places }) => places.length > 0);
  const captions = told.at(-1)?.places.map(({ caption = "" }) => caption);
  if (!captions) return undefined;
  const columns = await Promise.all(
    told.map(({ sheet, places }) =>
      Promise.all(
        places.map(async ({ x, y, side, size }) => {
          const cut = { left: x, top: y, width: side, height: side };
          const png = await sharp(sheet)
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
  return { steps: told.map(({ step }) => step), rows };
}

/** At most `count` of the items, evenly, the last one among them. */
function spread<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round(((i + 1) * items.length) / count) - 1]!);
}
