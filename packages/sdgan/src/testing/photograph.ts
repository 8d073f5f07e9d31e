import type { Random } from "@sdgan/core";
import sharp from "sharp";
import { drawBirdImage } from "../data/birds/draw.js";
import type { Traits } from "../data/birds/species.js";
import type { Box } from "../data/dataset.js";

/** Properties of a JPEG. */
export interface PhotographKind {
  colours: "rgb" | "grey" | "cmyk";
  progressive: boolean;
  /** EXIF orientation, 1 to 8; 1 is no rotation. */
  orientation: number;
  quality: number;
}

/** Random properties: some images are grey, some CMYK, some rotated, some progressive. */
export function randomKind(random: Random): PhotographKind {
  return {
    colours: random.chance(0.05) ? "grey" : random.chance(0.02) ? "cmyk" : "rgb",
    progressive: random.chance(0.15),
    orientation: random.chance(0.1) ? 2 + random.below(7) : 1,
    quality: 75 + random.below(21),
  };
}

/**
 * A JPEG of `width` × `height` stored pixels. A drawn bird fills the square that the published crop around
 * `box` cuts out. The rest is the same image stretched to the whole size.
 */
export async function photograph(
  traits: Traits,
  { width, height, box }: { width: number; height: number; box: Box },
  kind: PhotographKind,
  random: Random,
): Promise<Buffer> {
  const side = Math.max(16, Math.round(1.5 * Math.max(box.width, box.height)));
  const svg = Buffer.from(drawBirdImage(traits, side, random));
  const left = Math.round(box.x + (box.width - side) / 2);
  const top = Math.round(box.y + (box.height - side) / 2);
  // sharp composites only what fits into the image, so the square is cropped first.
  const cut = {
    left: Math.max(0, -left),
    top: Math.max(0, -top),
    width: Math.min(side, width - left) - Math.max(0, -left),
    height: Math.min(side, height - top) - Math.max(0, -top),
  };
  const bird = await sharp(svg).extract(cut).flatten().png({ compressionLevel: 0 }).toBuffer();
  const { data, info } = await sharp(svg)
    .resize(width, height, { fit: "fill" })
    .composite([{ input: bird, left: Math.max(0, left), top: Math.max(0, top) }])
    .raw()
    .toBuffer({ resolveWithObject: true });
  return encode(sharp(data, { raw: { width, height, channels: info.channels } }).removeAlpha(), kind);
}

/** A JPEG of `kind`. */
export function encode(image: sharp.Sharp, kind: PhotographKind): Promise<Buffer> {
  const { colours, progressive, orientation, quality } = kind;
  const space = { rgb: "srgb", grey: "b-w", cmyk: "cmyk" }[colours];
  const coloured = image.toColourspace(space);
  const turned = orientation === 1 ? coloured : coloured.withMetadata({ orientation });
  return turned.jpeg({ quality, progressive }).toBuffer();
}
