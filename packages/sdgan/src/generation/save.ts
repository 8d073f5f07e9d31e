/** Writes generated images as PNGs with metadata, and a grid of them. */

import { join } from "node:path";
import { tokenizers, type Vocabulary } from "@sdgan/core";
import sharp from "sharp";
import { type GridImage, grid } from "../images/grid.js";
import { withTexts } from "../images/png-text.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { partsOf } from "../util/lists.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { ignoredLines } from "./ignored.js";
import type { GeneratedImage, ImageGenerator, StageImage } from "./image-generator.js";

export interface SaveOptions {
  /** The output folder. Files of the same names are replaced, other files are kept. */
  out: string;
  seed?: number;
  /** Images per caption. */
  count?: number;
  /** Images per batch. */
  batch?: number;
  /** Also writes the images of the earlier stages. */
  stages?: boolean;
  /** Called after each image with the number of images written. */
  onImage?: (done: number) => void;
}

/**
 * Generates `count` images per caption and writes each atomically, then `grid.png` with the first images.
 * Returns the paths of the images in the order of the captions, then the path of the grid.
 * @throws UserError for a caption without a known word, before anything is written, or if `out` cannot be
 *   written
 */
export async function saveImages(
  imageGenerator: ImageGenerator,
  captions: readonly string[],
  { out, seed = 0, count = 1, batch = 1, stages = false, onImage }: SaveOptions,
): Promise<string[]> {
  const images = imageGenerator.generate(captions, { seed, count, batch });
  onDisk(out, () => ensureFolder(out));
  const paths: string[] = [];
  const shown: GeneratedImage[] = [];
  let done = 0;
  for (const image of images) {
    const name = fileName(
      imageGenerator.vocabulary,
      image,
      Math.floor(done / count) + 1,
      captions.length,
      count,
    );
    for (const [i, stage] of image.stages.entries()) {
      const last = i === image.stages.length - 1;
      if (!last && !stages) continue;
      const path = join(out, last ? `${name}.png` : `${name}-stage${i + 1}.png`);
      writeFileAtomic(path, await encode(stage, image, imageGenerator));
      paths.push(path);
    }
    if (shown.length < Math.max(count, gridImages)) shown.push(image);
    done += 1;
    onImage?.(done);
  }
  const gridPath = join(out, "grid.png");
  writeFileAtomic(gridPath, await gridOf(shown, { count, stages, sizes: imageGenerator.sizes }));
  return [...paths, gridPath];
}

/** Most images in the grid, unless one caption has more. */
const gridImages = 64;

const columns = 8;

/** `07-a-small-red-bird-1`: position of the caption, its first words, number of the image. */
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
  { caption, seed, number, ignored }: GeneratedImage,
  { checkpoint, maxWords, vocabulary }: ImageGenerator,
): Promise<Buffer> {
  const notRead = ignoredLines([ignored], { maxWords, tokenizer: vocabulary.tokenizer, most: 100 });
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  return withTexts(png, {
    Description: caption,
    Software: "sdgan",
    Seed: String(seed),
    Number: String(number),
    Checkpoint: `${checkpoint.run}, step ${checkpoint.step}`,
    ...(notRead.length > 0 && { Ignored: notRead.join("\n") }),
  });
}

/**
 * With one image per caption: `columns` images per row, captions below them. Otherwise one row per caption.
 */
async function gridOf(
  images: readonly GeneratedImage[],
  { count, stages, sizes }: { count: number; stages: boolean; sizes: number[] },
): Promise<Buffer> {
  if (count === 1 && !stages) {
    const cells = images.map(({ caption, stages }): GridImage => ({ ...stages.at(-1)!, caption }));
    return grid(partsOf(cells, columns));
  }
  const rows = partsOf(images, count);
  return grid(
    rows.map((row) => row.flatMap((image) => (stages ? image.stages : image.stages.slice(-1)))),
    {
      rowCaptions: rows.map(([first]) => first!.caption),
      ...(stages && { columnTitles: new Array<number[]>(count).fill(sizes).flat().map(String) }),
    },
  );
}
