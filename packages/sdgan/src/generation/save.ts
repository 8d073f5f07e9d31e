/** Pictures as files: PNGs that say what they are of, and a sheet with all of them. */
import { join } from "node:path";
import sharp from "sharp";
import { type GridPicture, grid } from "../images/grid.js";
import { withTexts } from "../images/png-text.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { ensureFolder, onDisk } from "../system-errors.js";
import { tokenize } from "../text/tokens.js";
import type { Painter, Painting, StagePicture } from "./painter.js";

export interface SaveOptions {
  /** The folder. Files of the same names are replaced, others left alone. */
  out: string;
  seed?: number;
  /** Pictures of each caption. */
  count?: number;
  /** Pictures drawn at once. */
  batch?: number;
  /** Write the pictures of the earlier stages too. */
  stages?: boolean;
  /** Called after each picture. */
  onPicture?: (done: number) => void;
}

/**
 * Draws `count` pictures of every caption and writes them, whole or not at all, one by one, then `grid.png` with the
 * first of them. Returns the paths: the pictures' in the order of the captions, the grid's last.
 * @throws UserError for a caption without a known word, before anything is written; or if `out` cannot be written
 */
export async function savePictures(
  painter: Painter,
  captions: readonly string[],
  { out, seed = 0, count = 1, batch = 1, stages = false, onPicture }: SaveOptions,
): Promise<string[]> {
  const paintings = painter.draw(captions, { seed, count, batch });
  onDisk(out, () => ensureFolder(out));
  const paths: string[] = [];
  const shown: Painting[] = [];
  let done = 0;
  for (const painting of paintings) {
    const name = fileName(painting, Math.floor(done / count) + 1, captions.length, count);
    for (const [i, picture] of painting.stages.entries()) {
      const last = i === painting.stages.length - 1;
      if (!last && !stages) continue;
      const path = join(out, last ? `${name}.png` : `${name}-stage${i + 1}.png`);
      writeFileAtomic(path, await encode(picture, painting, painter));
      paths.push(path);
    }
    if (shown.length < Math.max(count, gridPictures)) shown.push(painting);
    done += 1;
    onPicture?.(done);
  }
  const sheet = join(out, "grid.png");
  writeFileAtomic(sheet, await gridOf(shown, { count, stages, sizes: painter.sizes }));
  return [...paths, sheet];
}

/** Pictures on the sheet at most, unless one caption has more. */
const gridPictures = 64;

const columns = 8;

/** `07-a-small-red-bird-1`: the caption's place, its first words, the picture's number. */
function fileName({ caption, number }: Painting, place: number, captions: number, count: number): string {
  const padded = (value: number, largest: number) => String(value).padStart(String(largest).length, "0");
  const slug = tokenize(caption.slice(0, 200)).join("-").slice(0, 40).replace(/-+$/, "");
  return [padded(place, captions), slug, padded(number, count)].join("-");
}

async function encode(
  { pixels, size }: StagePicture,
  { caption, seed, number }: Painting,
  { checkpoint }: Painter,
): Promise<Buffer> {
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  return withTexts(png, {
    Description: caption,
    Software: "sdgan",
    Seed: String(seed),
    Number: String(number),
    Checkpoint: `${checkpoint.run}, step ${checkpoint.step}`,
  });
}

/** One picture a caption: as many in a row as fit, their captions under them. Otherwise a row for each caption. */
async function gridOf(
  paintings: readonly Painting[],
  { count, stages, sizes }: { count: number; stages: boolean; sizes: number[] },
): Promise<Buffer> {
  if (count === 1 && !stages) {
    const pictures = paintings.map(({ caption, stages }): GridPicture => ({ ...stages.at(-1)!, caption }));
    return grid(inRowsOf(columns, pictures));
  }
  const rows = inRowsOf(count, paintings);
  return grid(
    rows.map((row) => row.flatMap((painting) => (stages ? painting.stages : painting.stages.slice(-1)))),
    {
      rowCaptions: rows.map(([first]) => first!.caption),
      ...(stages && { columnTitles: new Array<number[]>(count).fill(sizes).flat().map(String) }),
    },
  );
}

function inRowsOf<Item>(length: number, items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, i) =>
    items.slice(i * length, (i + 1) * length),
  );
}
