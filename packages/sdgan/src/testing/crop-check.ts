import { readFileSync } from "node:fs";
import { join } from "node:path";
import { square } from "@sdgan/images";
import sharp from "sharp";
import { readCubLists } from "../data/cub-lists.js";
import { DataFolder } from "../data/data-folder.js";
import type { Box } from "../data/dataset.js";
import { openPrepared } from "../data/prepared.js";

export interface CropCheck {
  /** Number of prepared images that equal the published crop. */
  agree: number;
  /** Images that differ, and by how much. */
  differ: string[];
}

/**
 * For tests: whether every image of `prepare cub` equals the crop of StackGAN and AttnGAN, computed from the
 * tree's lists and files only. The whole image is decoded with another decoder than that of `prepare`, the
 * published rectangle is copied pixel by pixel, and then scaled and rotated as in `prepare`. If the rectangle
 * is equal, so is every byte, unless the rectangle is at least four times as large as the stored image:
 * `prepare` then decodes at reduced size, which gives differences of a few steps of 255.
 */
export async function checkCrops(tree: string, preparedFolder: string): Promise<CropCheck> {
  const birds = new DataFolder(tree, "Give a folder with CUB's lists.");
  const images = new Map(readCubLists(birds).images.map((image) => [image.id, image]));
  const prepared = openPrepared(preparedFolder);
  const check: CropCheck = { agree: 0, differ: [] };
  try {
    for (const split of Object.values(prepared.splits)) {
      let index = 0;
      for (const { id } of split.images) {
        const file = readFileSync(join(tree, "images", id));
        const pixels = await expected(file, images.get(id)!.box, prepared.storedSize);
        const found = split.pixels(index++);
        const most = pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
        if (most === 0) check.agree++;
        else check.differ.push(`${id}: by up to ${most}`);
      }
    }
  } finally {
    prepared.close();
  }
  return check;
}

async function expected(file: Buffer, box: Box, size: number): Promise<Uint8Array> {
  const { orientation = 1 } = await sharp(file).metadata();
  const { data, width: imageWidth, height: imageHeight } = await decoded(file);
  const { left, top, right, bottom } = published(box, imageWidth, imageHeight);
  const [width, height] = [right - left, bottom - top];
  const cut = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * imageWidth + left) * 4;
    data.copy(cut, y * width * 4, from, from + width * 4);
  }
  const pixels = new Uint8Array(size * size * 3);
  await square({ data: cut, width, height, orientation }, size, pixels);
  return pixels;
}

/** The whole image in stored orientation: [height, width, 4]. */
async function decoded(file: Buffer): Promise<{ data: Buffer; width: number; height: number }> {
  const { space, icc } = await sharp(file).metadata();
  const inks = space === "cmyk" && icc === undefined;
  // All other profiles in the trees are sRGB.
  const image = sharp(file, { ignoreIcc: space !== "cmyk" });
  const { data, info } = await (inks
    ? image.pipelineColourspace("cmyk").toColourspace("cmyk")
    : image.toColourspace("srgb").ensureAlpha()
  )
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let at = 0; inks && at < data.length; at += 4) {
    for (let i = at; i < at + 3; i++) data[i] = Math.round(((255 - data[i]!) * (255 - data[at + 3]!)) / 255);
  }
  return { data, width: info.width, height: info.height };
}

/**
 * The arithmetic of `get_imgs` in StackGAN and AttnGAN: r = int(max(w, h)·0.75), centre
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
