import { jpegHeader, jpegSquare, square } from "@sdgan/images";
import sharp, { type Metadata } from "sharp";
import { cropAround } from "./crop.js";
import type { Box } from "./dataset.js";
import { Semaphore } from "./semaphore.js";

export interface PixelsOptions {
  /** Side of the result. */
  size: number;
  /** CSS colour behind transparent images and around images that are not square. */
  background: string;
  /** Bounding box of the object that the image is cropped around. */
  box?: Box;
}

/**
 * Decodes an image to [size, size, 3] bytes of sRGB, in its EXIF orientation; of an animation, the first
 * frame. How the image becomes square:
 *
 * - With a `box`, the stored image is first cropped around it (`cropAround`).
 * - An SVG, or an image with transparent parts that is not square, is kept whole and centred; `background`
 *   fills the rest.
 * - Any other image is treated as a photograph and cropped to its central square.
 *
 * Photographs are scaled like in the published loaders, with Pillow's BILINEAR. There is one difference:
 * those crop an image that is not square at a random position along its longer side, each time they read it;
 * here the crop is always central. SVGs are rendered at the requested size; other whole images are scaled
 * with a Lanczos kernel.
 *
 * The result is written to `into` and returned. Rejects when the bytes are not an image or are truncated,
 * when the image has more than `MAX_PIXELS` (before it is decoded), and when decoding takes too long.
 */
export async function toPixels(
  encoded: Buffer,
  options: PixelsOptions,
  into: Buffer = Buffer.alloc(options.size ** 2 * 3),
): Promise<Buffer> {
  if (encoded.length === 0) throw new Error("the file is empty");
  if (hasTooManyScans(encoded)) throw new Error(`it has more than ${MAX_SCANS} scans`);
  // Other formats and unusual JPEGs are decoded by sharp, which is several times slower.
  const jpeg = jpegHeader(encoded);
  const header = jpeg ?? (await sharp(encoded, HEADER).metadata());
  const pixels = header.width * header.height;
  if (pixels > MAX_PIXELS) {
    throw new Error(
      `it has ${header.width} × ${header.height} pixels; at most ${MAX_PIXELS / 1e6} million are supported. Scale it down`,
    );
  }
  await pixelBudget.take(pixels);
  try {
    if (jpeg) await jpegSquare(encoded, cropOf(jpeg, options.box), options.size, into);
    else await decode(encoded, header as Metadata, options, into);
    return into;
  } finally {
    pixelBudget.give(pixels);
  }
}

/** More than most cameras have. Decoding a progressive JPEG of this size takes 300 MB. */
const MAX_PIXELS = 50e6;

/** Limits the pixels being decoded in parallel to those of one largest image, and so the memory. */
const pixelBudget = new Semaphore(MAX_PIXELS);

/** A progressive JPEG has about ten scans. A scan can cost much time with few bytes. */
const MAX_SCANS = 100;

function hasTooManyScans(encoded: Buffer): boolean {
  if (encoded[0] !== 0xff || encoded[1] !== 0xd8) return false;
  let scans = 0;
  for (let at = encoded.indexOf(SCAN); at >= 0 && scans <= MAX_SCANS; at = encoded.indexOf(SCAN, at + 2))
    scans++;
  return scans > MAX_SCANS;
}

/** JPEG's start-of-scan marker. It cannot occur inside the data of a scan. */
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
  const keepWhole = !options.box && (metadata.format === "svg" || (await hasBackground(encoded, metadata)));
  if (keepWhole) await renderWhole(encoded, metadata, options, into);
  else await cropPhotograph(encoded, metadata, options, into);
}

/** Whether it has transparent parts. Square images are not tested: they are kept whole in any case. */
async function hasBackground(encoded: Buffer, { width, height, hasAlpha }: Metadata): Promise<boolean> {
  return width !== height && hasAlpha && !(await sharp(encoded, READ).stats()).isOpaque;
}

async function renderWhole(
  encoded: Buffer,
  metadata: Metadata,
  { size, background }: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const { format, width, height } = metadata;
  const density = Math.min(Math.max((SVG_DENSITY * size) / Math.max(width, height), 1), 100_000);
  const { data, info } = await sharp(encoded, { ...READ, ...(format === "svg" && { density }) })
    .timeout({ seconds: MAX_SECONDS })
    .autoOrient()
    .flatten({ background })
    .resize(size, size, { fit: "contain", background })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== size || info.height !== size || info.channels !== 3) {
    throw new Error(
      `was decoded to ${info.width}×${info.height}×${info.channels}; expected ${size}×${size}×3`,
    );
  }
  data.copy(into);
}

async function cropPhotograph(
  encoded: Buffer,
  metadata: Metadata,
  { size, background, box }: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const crop = cropOf(metadata, box);
  // A large image is first scaled to at least twice the requested size, so that it is never whole in memory.
  const isLarge = Math.min(crop.width, crop.height) > 4 * size;
  const image = sharp(encoded, READ).timeout({ seconds: MAX_SECONDS }).extract(crop);
  const { data, info } = await (isLarge ? image.resize(2 * size, 2 * size, { fit: "outside" }) : image)
    .flatten({ background })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`was decoded to ${info.channels} channels; expected 4`);
  const { width, height } = info;
  await square({ data, width, height, orientation: metadata.orientation ?? 1 }, size, into);
}

/** Warnings are ignored; a truncated or broken file is an error. */
const READ = { failOn: "error", limitInputPixels: MAX_PIXELS } as const;

/** Reading a header is harmless at any size; `toPixels` then rejects large images with its own message. */
const HEADER = { ...READ, limitInputPixels: false } as const;

/** An image of `MAX_PIXELS` takes one or two seconds. */
const MAX_SECONDS = 5;

/** Dots per inch at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
