import sharp, { type Metadata, type Sharp } from "sharp";
import { cropAround } from "./crop.js";
import type { Box } from "./dataset.js";
import { Room } from "./room.js";

export interface PixelsOptions {
  /** Side of the result. */
  size: number;
  /** What fills and shines through see-through pictures: a colour as CSS names it. */
  background: string;
  /** Where in the picture the thing is that is to be seen. */
  box?: Box;
}

/**
 * An encoded picture as [size, size, 3] bytes of sRGB, turned as its EXIF says; of an animation, its first picture.
 * What is cut and what is filled:
 *
 * - With a `box`, the picture is cut around it first (`cropAround`), as it is stored.
 * - An ordinary picture is a photograph: its longer side is cut to the middle square.
 * - A picture with see-through parts, an SVG among them, is a thing on its own ground: it stays whole, in the
 *   middle, and `background` fills the rest and shines through.
 *
 * The published loaders differ in one thing: of a picture that is no square they cut at random along its longer side,
 * too, every time that they read it; here that is always the middle.
 *
 * SVG is drawn at the size wanted, everything else is scaled with a Lanczos kernel.
 * Rejects when the bytes are no picture, or not all of one; before they are decoded, when that would take more than
 * `MOST_PIXELS`; and when it takes too long.
 */
export async function toPixels(encoded: Buffer, options: PixelsOptions): Promise<Buffer> {
  if (encoded.length === 0) throw new Error("the file is empty");
  const metadata = await sharp(encoded, READ).metadata();
  const pixels = metadata.width * metadata.height;
  if (pixels > MOST_PIXELS) {
    throw new Error(
      `it has ${metadata.width} × ${metadata.height} pixels, and at most ${MOST_PIXELS / 1e6} million are read: scale it down`,
    );
  }
  await room.take(pixels);
  try {
    return await decode(encoded, metadata, options);
  } finally {
    room.give(pixels);
  }
}

/** More than cameras make; a progressive JPEG of them takes 300 MB while it is decoded. */
const MOST_PIXELS = 50e6;

/** However many pictures are decoded at a time, they take no more memory than the largest one. */
const room = new Room(MOST_PIXELS);

async function decode(encoded: Buffer, metadata: Metadata, { size, background, box }: PixelsOptions) {
  const whole = !box && (await isThing(encoded, metadata));
  const crop = box && cropAround(box, metadata.width, metadata.height);
  const unscaled = whole
    ? Math.max(metadata.width, metadata.height)
    : Math.min(crop?.width ?? metadata.width, crop?.height ?? metadata.height);
  const density = Math.min(Math.max((SVG_DENSITY * size) / unscaled, 1), 100_000);
  const picture: Sharp = sharp(encoded, {
    ...READ,
    ...(metadata.format === "svg" && !crop && { density }),
  }).timeout({ seconds: MOST_SECONDS });
  const { data, info } = await (crop ? picture.extract(crop) : picture)
    .autoOrient()
    .flatten({ background })
    .resize(size, size, { fit: whole ? "contain" : "cover", background, fastShrinkOnLoad: false })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== size || info.height !== size || info.channels !== 3) {
    throw new Error(`became ${info.width}×${info.height}×${info.channels}, not ${size}×${size}×3`);
  }
  return data;
}

/** Whether something shines through it. Of a square, nothing is cut in any case. */
async function isThing(encoded: Buffer, { width, height, hasAlpha }: Metadata): Promise<boolean> {
  return width !== height && hasAlpha && !(await sharp(encoded, READ).stats()).isOpaque;
}

/** Whatever can be read whole is taken, with or without warnings; a truncated or broken file is an error. */
const READ = { failOn: "error", limitInputPixels: MOST_PIXELS } as const;

/** A picture of `MOST_PIXELS` takes one or two. */
const MOST_SECONDS = 5;

/** Dots an inch at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
