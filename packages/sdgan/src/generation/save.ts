/** Writes generated images as PNGs with metadata, and a grid of them. */

import { join } from "node:path";
import { ignoredLines, type TokenizerName, tokenizers, withTexts } from "@sdgan/core";
import sharp from "sharp";
import { type GridImage, type GridOptions, grid } from "../images/grid.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { partsOf } from "../util/lists.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { type GridPlan, partShown, planGrid } from "./grid-plan.js";
import type { GeneratedImage, ImageSource, StageImage } from "./image-source.js";

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
  /** Called if the grid does not show all images, with what it shows: "64 of 1,500 captions". */
  onPartialGrid?: (shown: string) => void;
  /** Called if no font has some characters of the captions: `GridOptions.onMissingFont`. */
  onMissingFont?: (advice: string) => void;
}

/**
 * Generates `count` images per caption and writes each atomically, then `grid.png` with the first images
 * (`planGrid`).
 * Returns the paths of the images in the order of the captions, then the path of the grid.
 * @throws UserError for a caption without a known word, before anything is written, or if `out` cannot be
 *   written
 */
export async function saveImages(
  source: ImageSource,
  captions: readonly string[],
  { out, seed = 0, count = 1, batch = 1, stages = false, onImage, onPartialGrid, onMissingFont }: SaveOptions,
): Promise<string[]> {
  const images = source.generate(captions, { seed, count, batch });
  onDisk(out, () => ensureFolder(out));
  const paths: string[] = [];
  const { sizes } = source;
  const shownStages = stages ? sizes.length : 1;
  const content = { captions: captions.length, count, stages: shownStages, side: sizes.at(-1)! };
  const plan = planGrid(content);
  const shown: GeneratedImage[] = [];
  let done = 0;
  for await (const image of images) {
    const name = fileName(source.tokenizer, image, Math.floor(done / count) + 1, captions.length, count);
    for (const [i, stage] of image.stages.entries()) {
      const last = i === image.stages.length - 1;
      if (!last && !stages) continue;
      const path = join(out, last ? `${name}.png` : `${name}-stage${i + 1}.png`);
      writeFileAtomic(path, await encode(stage, image, source));
      paths.push(path);
    }
    if (done < plan.captions * count && image.number <= plan.images) shown.push(image);
    done += 1;
    onImage?.(done);
  }
  const gridPath = join(out, "grid.png");
  const part = partShown(plan, content);
  writeFileAtomic(gridPath, await gridOf(shown, plan, { stages, sizes, title: part, onMissingFont }));
  if (part !== undefined) onPartialGrid?.(part);
  return [...paths, gridPath];
}

/** `07-a-small-red-bird-1`: position of the caption, its first words, number of the image. */
function fileName(
  tokenizer: TokenizerName,
  { caption, number }: GeneratedImage,
  place: number,
  captions: number,
  count: number,
): string {
  const padded = (value: number, largest: number) => String(value).padStart(String(largest).length, "0");
  const words = tokenizers[tokenizer].tokenize(caption.slice(0, 200)).join("-");
  const slug = [...words].slice(0, 40).join("").replace(/-+$/, "");
  return [padded(place, captions), slug, padded(number, count)].join("-");
}

async function encode(
  { pixels, size }: StageImage,
  { caption, seed, number, ignored }: GeneratedImage,
  { origin, maxWords, tokenizer }: ImageSource,
): Promise<Uint8Array> {
  const notRead = ignoredLines([ignored], { maxWords, tokenizer, most: 100 });
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  return withTexts(png, {
    Description: caption,
    Software: "sdgan",
    Seed: String(seed),
    Number: String(number),
    ...origin,
    ...(notRead.length > 0 && { Ignored: notRead.join("\n") }),
  });
}

/**
 * With one image per caption: several per row, captions below them. Otherwise each caption begins a row.
 */
async function gridOf(
  images: readonly GeneratedImage[],
  plan: GridPlan,
  { stages, sizes, ...options }: GridOptions & { stages: boolean; sizes: readonly number[] },
): Promise<Buffer> {
  if (plan.images === 1 && !stages) {
    const cells = images.map(({ caption, stages }): GridImage => ({ ...stages.at(-1)!, caption }));
    return grid(partsOf(cells, plan.columns), options);
  }
  const rows = partsOf(images, plan.images).flatMap((ofCaption) =>
    partsOf(ofCaption, plan.columns).map((row, i) => ({ row, caption: i === 0 ? row[0]!.caption : "" })),
  );
  return grid(
    rows.map(({ row }) => row.flatMap((image) => (stages ? image.stages : image.stages.slice(-1)))),
    {
      ...options,
      rowCaptions: rows.map(({ caption }) => caption),
      ...(stages && {
        columnTitles: new Array<number[]>(plan.columns)
          .fill([...sizes])
          .flat()
          .map(String),
      }),
    },
  );
}
