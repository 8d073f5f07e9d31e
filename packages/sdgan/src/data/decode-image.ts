import { jpegHeader, jpegSquare, square } from "@sdgan/images";
import sharp, { type Metadata } from "sharp";
import { cropAround } from "./crop.js";
import type { Box } from "./dataset.js";
import { Semaphore } from "./semaphore.js";

export interface PixelsOptions {
  /** Side of the result. */
  size: number;
  /** What fills and shines through see-through images: a colour as CSS names it. */
  background: string;
  /** Where in the image the thing is that is to be seen. */
  box?: Box;
}

/**
 * An encoded image as [size, size, 3] bytes of sRGB, turned as its EXIF says; of an animation, its first image.
 * What is cut and what is filled:
 *
 * - With a `box`, the image is cut around it first (`cropAround`), as it is stored.
 * - An ordinary image is a photograph: its longer side is cut to the middle square.
 * - An image with see-through parts, an SVG among them, is a thing on its own ground: it stays whole, in the
 *   middle, and `background` fills the rest and shines through.
 *
 * Photographs are scaled as the published loaders do it, with Pillow's BILINEAR. They differ in one thing: of a
 * image that is no square they cut at random along its longer side, too, every time that they read it; here that is
 * always the middle. Things are drawn at the size wanted, or scaled with a Lanczos kernel.
 *
 * The result is `into`, for whoever has room already. Rejects when the bytes are no image, or not all of one; before they are decoded, when they would make more than
 * `MOST_PIXELS`; and when it takes too long.
 */
export async function toPixels(
  encoded: Buffer,
  options: PixelsOptions,
  into: Buffer = Buffer.alloc(options.size ** 2 * 3),
): Promise<Buffer> {
  if (encoded.length === 0) throw new Error("the file is empty");
  if (hasTooManyScans(encoded)) throw new Error(`it has more than ${MOST_SCANS} scans`);
  // What is no plain JPEG is left to sharp, which knows every format and is several times slower.
  const jpeg = jpegHeader(encoded);
  const header = jpeg ?? (await sharp(encoded, HEADER).metadata());
  const pixels = header.width * header.height;
  if (pixels > MOST_PIXELS) {
    throw new Error(
      `it has ${header.width} × ${header.height} pixels, and at most ${MOST_PIXELS / 1e6} million are read: scale it down`,
    );
  }
  await room.take(pixels);
  try {
    if (jpeg) await jpegSquare(encoded, cropOf(jpeg, options.box), options.size, into);
    else await decode(encoded, header as Metadata, options, into);
    return into;
  } finally {
    room.give(pixels);
  }
}

/** More than most cameras make; a progressive JPEG of them takes 300 MB while it is decoded. */
const MOST_PIXELS = 50e6;

/** However many images are decoded at a time, they take no more memory than the largest one. */
const room = new Semaphore(MOST_PIXELS);

/** A progressive JPEG has ten or so. Each costs time, and hardly a byte. */
const MOST_SCANS = 100;

function hasTooManyScans(encoded: Buffer): boolean {
  if (encoded[0] !== 0xff || encoded[1] !== 0xd8) return false;
  let scans = 0;
  for (let at = encoded.indexOf(SCAN); at >= 0 && scans <= MOST_SCANS; at = encoded.indexOf(SCAN, at + 2))
    scans++;
  return scans > MOST_SCANS;
}

/** JPEG's marker of a scan: among a scan's own bytes it cannot be. */
const SCAN = Buffer.of(0xff, 0xda);

function cropOf({ width, height }: { width: number; height: number }, box: Box | undefined) {
  return box ? cropAround(box, width, height) : { left: 0, top: 0, width, height };
}

async function decode(
  encoded: Buffer,
  metadata: Metadata,
  options: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const isThing = !options.box && (metadata.format === "svg" || (await hasGround(encoded, metadata)));
  if (isThing) await drawThing(encoded, metadata, options, into);
  else await cutPhotograph(encoded, metadata, options, into);
}

/** Whether something shines through it. Of a square, nothing is cut in any case. */
async function hasGround(encoded: Buffer, { width, height, hasAlpha }: Metadata): Promise<boolean> {
  return width !== height && hasAlpha && !(await sharp(encoded, READ).stats()).isOpaque;
}

async function drawThing(
  encoded: Buffer,
  metadata: Metadata,
  { size, background }: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const { format, width, height } = metadata;
  const density = Math.min(Math.max((SVG_DENSITY * size) / Math.max(width, height), 1), 100_000);
  const { data, info } = await sharp(encoded, { ...READ, ...(format === "svg" && { density }) })
    .timeout({ seconds: MOST_SECONDS })
    .autoOrient()
    .flatten({ background })
    .resize(size, size, { fit: "contain", background })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== size || info.height !== size || info.channels !== 3) {
    throw new Error(`became ${info.width}×${info.height}×${info.channels}, not ${size}×${size}×3`);
  }
  data.copy(into);
}

async function cutPhotograph(
  encoded: Buffer,
  metadata: Metadata,
  { size, background, box }: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const crop = cropOf(metadata, box);
  // A large one is scaled on the way, but to twice what is wanted at least: it need never be held as a whole.
  const isLarge = Math.min(crop.width, crop.height) > 4 * size;
  const image = sharp(encoded, READ).timeout({ seconds: MOST_SECONDS }).extract(crop);
  const { data, info } = await (isLarge ? image.resize(2 * size, 2 * size, { fit: "outside" }) : image)
    .flatten({ background })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`became ${info.channels} channels, not 4`);
  const { width, height } = info;
  await square({ data, width, height, orientation: metadata.orientation ?? 1 }, size, into);
}

/** Whatever can be read whole is taken, with or without warnings; a truncated or broken file is an error. */
const READ = { failOn: "error", limitInputPixels: MOST_PIXELS } as const;

/** A header tells of any number of pixels without harm, and our refusal tells what to do. */
const HEADER = { ...READ, limitInputPixels: false } as const;

/** An image of `MOST_PIXELS` takes one or two. */
const MOST_SECONDS = 5;

/** Dots an inch at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
