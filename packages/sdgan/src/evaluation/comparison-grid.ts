import { makeBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import type { ImageGenerator } from "../generation/image-generator.js";
import { type GridImage, type GridOptions, grid } from "../images/grid.js";
import { captionOf, type Trial } from "./trials.js";

/** Rows, and generated images per row. */
const [rowCount, imagesPerRow] = [8, 4];

/** A PNG with one row per trial: the caption, the real image, and images generated from the caption. */
export async function comparisonGrid(
  imageGenerator: ImageGenerator,
  data: Prepared,
  split: Split,
  trials: readonly Trial[],
  { title, onMissingFont }: Pick<GridOptions, "title" | "onMissingFont">,
): Promise<Buffer> {
  const shown = trials.slice(0, rowCount);
  const rows = shown.map(({ image, caption, seed }): GridImage[] => {
    const choice = { image, caption };
    const { pixels, size } = makeBatch([choice], { data, split, maxWords: Number.POSITIVE_INFINITY });
    const generated = imageGenerator.generate([captionOf(data, split, choice).text], {
      seed,
      count: imagesPerRow,
    });
    return [{ pixels, size }, ...[...generated].map(({ stages }) => stages.at(-1)!)];
  });
  return grid(rows, {
    ...{ title, onMissingFont },
    columnTitles: ["real", ...Array.from({ length: imagesPerRow }, (_, i) => `generated ${i + 1}`)],
    rowCaptions: shown.map((trial) => captionOf(data, split, trial).text),
  });
}
