import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { readCubLists } from "../data/cub-lists.js";
import { DataFolder } from "../data/data-folder.js";
import type { Box } from "../data/dataset.js";
import { openPrepared } from "../data/prepared.js";

export interface CropCheck {
  /** How many pictures of the prepared folder are what the rule cuts out. */
  agree: number;
  /** Those that are not, and how. */
  differ: string[];
}

/**
 * For tests: whether every picture that `prepare cub` made is what StackGAN and AttnGAN cut out, told from the tree's
 * lists and files alone. The picture is decoded as it is stored, the rule's rectangle is copied out of it pixel by
 * pixel and then turned, cut to its middle square and scaled as `prepare` does it: where the rectangle is the
 * same, so is every byte. CMYK alone, which is made RGB before or after it is scaled, may differ by rounding.
 */
export async function checkCrops(tree: string, preparedFolder: string): Promise<CropCheck> {
  const birds = new DataFolder(tree, "Give a folder with CUB's lists.");
  const pictures = new Map(readCubLists(birds).pictures.map((picture) => [picture.id, picture]));
  const prepared = openPrepared(preparedFolder);
  const check: CropCheck = { agree: 0, differ: [] };
  try {
    for (const split of Object.values(prepared.splits)) {
      let index = 0;
      for (const { id } of split.pictures) {
        const file = readFileSync(join(tree, "images", id));
        const { pixels, rounding } = await expected(file, pictures.get(id)!.box, prepared.storedSize);
        const found = split.pixels(index++);
        const most = pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
        if (most <= rounding) check.agree++;
        else check.differ.push(`${id}: by up to ${most}`);
      }
    }
  } finally {
    prepared.close();
  }
  return check;
}

async function expected(file: Buffer, box: Box, size: number) {
  const { space, orientation = 1 } = await sharp(file).metadata();
  const { data, info } = await sharp(file).toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const { left, top, right, bottom } = published(box, info.width, info.height);
  const [width, height, channels] = [right - left, bottom - top, info.channels];
  const cut = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * info.width + left) * channels;
    data.copy(cut, y * width * channels, from, from + width * channels);
  }
  // Turned through a file that says so, without loss.
  const turned = await sharp(cut, { raw: { width, height, channels } })
    .withMetadata({ orientation })
    .png({ compressionLevel: 0 })
    .toBuffer();
  const pixels = await sharp(turned)
    .autoOrient()
    .resize(size, size, { fit: "cover", fastShrinkOnLoad: false })
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer();
  return { pixels, rounding: space === "cmyk" ? 3 : 0 };
}

/**
 * `get_imgs` of StackGAN's and AttnGAN's data sets, word for word in arithmetic: r = int(max(w, h)·0.75), centre
 * int((2x + w)/2), int((2y + h)/2), from max(0, centre − r) to min(side, centre + r).
 */
function published({ x, y, width: w, height: h }: Box, width: number, height: number) {
  const r = Math.floor(Math.max(w, h) * 0.75);
  const [cx, cy] = [Math.floor((2 * x + w) / 2), Math.floor((2 * y + h) / 2)];
  return {
    left: Math.max(0, cx - r),
    top: Math.max(0, cy - r),
    right: Math.min(width, cx + r),
    bottom: Math.min(height, cy + r),
  };
}
