/** Images as files: PNGs that say what they are of, and a sheet with all of them. */

import { join } from "node:path";
import { tokenizers, type Vocabulary } from "@sdgan/core";
import sharp from "sharp";
import { type GridImage, grid } from "../images/grid.js";
import { withTexts } from "../images/png-text.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { partsOf } from "../util/lists.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import type { GeneratedImage, ImageGenerator, StageImage } from "./image-generator.js";

export interface SaveOptions {
  /** The folder. Files of the same names are replaced, others left alone. */
  out: string;
  seed?: number;
  /** Images of each caption. */
  count?: number;
  /** Images drawn at once. */
  batch?: number;
  /** Write the images of the earlier stages too. */
  stages?: boolean;
  /** Called after each image. */
  onImage?: (done: number) => void;
}

/**
 * Draws `count` images of every caption and writes them, whole or not at all, one by one, then `grid.png` with the
 * first of them. Returns the paths: the images' in the order of the captions, the grid's last.
 * @throws UserError for a caption without a known word, before anything is written; or if `out` cannot be written
 */
export async function saveImages(
  imageGenerator: ImageGenerator,
  captions: readonly string[],
  { out, seed = 0, count = 1, batch = 1, stages = false, onImage }: SaveOptions,
): Promise<string[]> {
  const paintings = imageGenerator.generate(captions, { seed, count, batch });
  onDisk(out, () => ensureFolder(out));
  const paths: string[] = [];
  const shown: GeneratedImage[] = [];
  let done = 0;
  for (const painting of paintings) {
    const name = fileName(
      imageGenerator.vocabulary,
      painting,
      Math.floor(done / count) + 1,
      captions.length,
      count,
    );
    for (const [i, image] of painting.stages.entries()) {
      const last = i === painting.stages.length - 1;
      if (!last && !stages) continue;
      const path = join(out, last ? `${name}.png` : `${name}-stage${i + 1}.png`);
      writeFileAtomic(path, await encode(image, painting, imageGenerator));
      paths.push(path);
    }
    if (shown.length < Math.max(count, gridImages)) shown.push(painting);
    done += 1;
    onImage?.(done);
  }
  const sheet = join(out, "grid.png");
  writeFileAtomic(sheet, await gridOf(shown, { count, stages, sizes: imageGenerator.sizes }));
  return [...paths, sheet];
}

/** Images on the sheet at most, unless one caption has more. */
const gridImages = 64;

const columns = 8;

/** `07-a-small-red-bird-1`: the caption's place, its first words, the image's number. */
function fileName(
  vocabulary: Vocabulary,
  { caption, number }: GeneratedImage,
  place: number,
  captions: number,
  count: number,
): string {
  const padded = (value: number, largest: number) => String(value).padStart(String(largest).length, "0");
  const words = tokenizers[vocabulary.tokenizer].tokenize(caption.slice(0, 200)).join("-");
  const slug = [...words].slice(0, 40).join("").replace(/-+$/, "");
  return [padded(place, captions), slug, padded(number, count)].join("-");
}

async function encode(
  { pixels, size }: StageImage,
  { caption, seed, number }: GeneratedImage,
  { checkpoint }: ImageGenerator,
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

/** One image a caption: as many in a row as fit, their captions under them. Otherwise a row for each caption. */
async function gridOf(
  paintings: readonly GeneratedImage[],
  { count, stages, sizes }: { count: number; stages: boolean; sizes: number[] },
): Promise<Buffer> {
  if (count === 1 && !stages) {
    const images = paintings.map(({ caption, stages }): GridImage => ({ ...stages.at(-1)!, caption }));
    return grid(partsOf(images, columns));
  }
  const rows = partsOf(paintings, count);
  return grid(
    rows.map((row) => row.flatMap((painting) => (stages ? painting.stages : painting.stages.slice(-1)))),
    {
      rowCaptions: rows.map(([first]) => first!.caption),
      ...(stages && { columnTitles: new Array<number[]>(count).fill(sizes).flat().map(String) }),
    },
  );
}
