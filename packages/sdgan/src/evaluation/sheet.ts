import { makeBatch } from "../data/batch.js";
import type { Prepared } from "../data/prepared.js";
import type { Painter } from "../generation/painter.js";
import { type GridPicture, grid } from "../images/grid.js";
import { captionOf, split, type Trial } from "./choose.js";

/** Rows and drawn pictures a row. */
const [rowCount, drawnInRow] = [8, 4];

/** Captions that were never seen, the real pictures, and pictures drawn from them: a PNG. */
export async function drawSheet(
  painter: Painter,
  data: Prepared,
  trials: readonly Trial[],
  title: string,
): Promise<Buffer> {
  const shown = trials.slice(0, rowCount);
  const rows = shown.map(({ picture, caption, seed }): GridPicture[] => {
    const choice = { picture, caption };
    const { pixels, size } = makeBatch([choice], { data, split, maxWords: Number.POSITIVE_INFINITY });
    const drawn = painter.draw([captionOf(data, choice).text], { seed, count: drawnInRow });
    return [{ pixels, size }, ...[...drawn].map(({ stages }) => stages.at(-1)!)];
  });
  return grid(rows, {
    title,
    columnTitles: ["real", ...Array.from({ length: drawnInRow }, (_, i) => `drawn ${i + 1}`)],
    rowCaptions: shown.map((trial) => captionOf(data, trial).text),
  });
}
