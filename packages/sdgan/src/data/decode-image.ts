import { describeImpostor } from "@sdgan/core";
import { jpegHeader, jpegSquare, type Rectangle, square } from "@sdgan/images";
import sharp, { type Metadata, type Sharp } from "sharp";
import { cropAround } from "./crop.js";
import type { Box } from "./dataset.js";
import { hasMoreScans, jpegFrame } from "./jpeg-structure.js";
import { Semaphore } from "./semaphore.js";
import { tiffTag } from "./tiff-tags.js";
import { describeUnread } from "./unread-formats.js";

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
 * The result is written to `into` and returned. Rejects with a `RefusedImage` when the bytes are of a known
 * kind that is not read, and before decoding when the image has too many pixels. Rejects with another error
 * when the bytes are not an image or are truncated, and when decoding takes too long.
 */
export async function toPixels(
  encoded: Buffer,
  options: PixelsOptions,
  into: Buffer = Buffer.alloc(options.size ** 2 * 3),
): Promise<Buffer> {
  if (encoded.length === 0) throw new Error("the file is empty");
  if (hasMoreScans(encoded, MAX_SCANS)) throw new Error(`it has more than ${MAX_SCANS} scans`);
  // Other formats and unusual JPEGs are decoded by sharp, which is several times slower.
  const jpeg = jpegHeader(encoded);
  const header = jpeg ?? (await readHeader(encoded));
  const pixels = header.width * header.height;
  if (pixels > MAX_PIXELS) {
    const { most, of } = limitOf(encoded);
    if (pixels > most)
      throw new RefusedImage(
        `is too large: ${header.width} × ${header.height} pixels; at most ${most / 1e6} million are read of ${of}. Scale it down`,
      );
  }
  const share = Math.min(pixels, MAX_PIXELS);
  await pixelBudget.take(share);
  try {
    if (jpeg) await jpegSquare(encoded, cropOf(jpeg, options.box), options.size, into);
    else await decode(encoded, header as Metadata, options, into);
    return into;
  } catch (error) {
    throw refusedFor(jpeg ? undefined : unusualCoding(encoded)) ?? error;
  } finally {
    pixelBudget.give(share);
  }
}

/** An image that is not read. The message continues a sentence whose subject is the image, with the remedy. */
export class RefusedImage extends Error {
  override name = "RefusedImage";
}

function refusedFor(reason: string | undefined): RefusedImage | undefined {
  return reason === undefined ? undefined : new RefusedImage(reason);
}

/** The header of an image that is not a usual JPEG. Refuses what sharp does not read, or reads wrongly. */
async function readHeader(encoded: Buffer): Promise<Metadata> {
  const unread = describeUnread(encoded);
  if (unread !== undefined) throw new RefusedImage(unread);
  let metadata: Metadata;
  try {
    metadata = await sharp(encoded, HEADER).metadata();
  } catch (error) {
    throw refusedFor(describeImpostor(encoded) ?? unusualCoding(encoded) ?? unusualNumbers(encoded)) ?? error;
  }
  const { format, depth } = metadata;
  const numbers = isLab(metadata) ? undefined : AMBIGUOUS[depth ?? ""];
  if (numbers !== undefined) {
    throw new RefusedImage(ambiguous(format.toUpperCase(), numbers));
  }
  return metadata;
}

function ambiguous(format: string, numbers: string): string {
  return `is a ${format} of ${numbers}, and it is not known which of them are black and white: convert it to 8 or 16 bits`;
}

/** libvips does not read TIFFs of longer numbers at all. */
function unusualNumbers(encoded: Buffer): string | undefined {
  const bits = tiffTag(encoded, 258);
  return bits !== undefined && bits > 32 ? ambiguous("TIFF", `${bits}-bit numbers`) : undefined;
}

/** libvips' names of numbers of which not all files use the same range for black to white. */
const AMBIGUOUS: Partial<Record<string, string>> = {
  ...{ float: "floating-point numbers", double: "floating-point numbers", complex: "complex numbers" },
  ...{ dpcomplex: "complex numbers", char: "signed numbers", short: "signed numbers" },
  ...{ int: "32-bit numbers", uint: "32-bit numbers" },
};

/** Why neither decoder reads a JPEG, if its coding is unusual. */
function unusualCoding(encoded: Buffer): string | undefined {
  const unusual = jpegFrame(encoded)?.unusual;
  return unusual && `is a JPEG with ${unusual}, which is not read: convert it to baseline JPEG or PNG`;
}

/** How many pixels an image may have. A JPEG takes less memory, unless it needs many coefficients at once. */
function limitOf(encoded: Buffer): { most: number; of: string } {
  const frame = jpegFrame(encoded);
  if (!frame) return { most: MAX_PIXELS, of: "an image that is not a JPEG" };
  return frame.coefficientBytes > MAX_COEFFICIENT_BYTES
    ? { most: MAX_PIXELS, of: "a progressive JPEG with colours at full resolution" }
    : { most: MAX_JPEG_PIXELS, of: "a JPEG" };
}

const MAX_PIXELS = 50e6;

/** Cameras of "50 megapixels" have a few more. A JPEG is decoded at a reduced size, most of them row by row. */
const MAX_JPEG_PIXELS = 100e6;

/** Of a progressive JPEG: as many as `MAX_PIXELS` have at most, unless the colours are CMYK. */
const MAX_COEFFICIENT_BYTES = 6 * MAX_PIXELS;

/** Limits the pixels being decoded in parallel to those of one largest image, and so the memory. */
const pixelBudget = new Semaphore(MAX_PIXELS);

/** A progressive JPEG has about ten scans. A scan can cost much time with few bytes. */
const MAX_SCANS = 100;

function cropOf({ width, height }: { width: number; height: number }, box: Box | undefined) {
  return box ? cropAround(box, width, height) : { left: 0, top: 0, width, height };
}

async function decode(
  encoded: Buffer,
  metadata: Metadata,
  options: PixelsOptions,
  into: Buffer,
): Promise<void> {
  if (isLab(metadata)) return decodeLab(encoded, metadata, options, into);
  const keepWhole = !options.box && (metadata.format === "svg" || (await hasBackground(encoded, metadata)));
  if (keepWhole) await renderWhole(encoded, metadata, options, into);
  else await cropPhotograph(sharp(encoded, READ), metadata, options, into);
}

/** 8 or 16 bits of CIELAB. */
function isLab({ space }: Metadata): boolean {
  return space === "lab" || space === "labs";
}

/** libvips scales packed CIELAB wrongly and reports an alpha channel, so its colours are converted first. */
async function decodeLab(
  encoded: Buffer,
  metadata: Metadata,
  options: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const { data, info } = await sharp(encoded, READ)
    .timeout({ seconds: MAX_SECONDS })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const raw = { width, height, channels };
  await cropPhotograph(sharp(data, { ...READ, raw }), { ...metadata, space: "srgb" }, options, into);
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
  image: Sharp,
  metadata: Metadata,
  { size, background, box }: PixelsOptions,
  into: Buffer,
): Promise<void> {
  const crop = cropOf(metadata, box);
  // A large image is first scaled to at least twice the requested size, so that it is never whole in memory.
  const isLarge = Math.min(crop.width, crop.height) > 4 * size;
  // A JPEG. sharp decodes it at a reduced size only without `extract`; `square` takes the middle in any case.
  const isHuge = metadata.width * metadata.height > MAX_PIXELS;
  const isReduced = isHuge && isLarge && !box;
  const part = isReduced ? image : image.extract(isHuge ? middleOf(crop) : crop);
  const scaled = isLarge ? part.resize(2 * size, 2 * size, { fit: "outside" }) : part;
  const hasPlainInks = metadata.space === "cmyk" && !metadata.hasAlpha && !metadata.hasProfile;
  const { data: decoded, info } = await (hasPlainInks ? inks(scaled) : colours(scaled, background))
    .timeout({ seconds: isHuge ? 2 * MAX_SECONDS : MAX_SECONDS })
    .raw({ depth: hasPlainInks && metadata.depth === "ushort" ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 4) throw new Error(`was decoded to ${channels} channels; expected 4`);
  const data = hasPlainInks ? lightened(decoded, decoded.length / (width * height * 4)) : decoded;
  await square({ data, width, height, orientation: metadata.orientation ?? 1 }, size, into);
}

function middleOf({ left, top, width, height }: Rectangle): Rectangle {
  const side = Math.min(width, height);
  return { left: left + ((width - side) >> 1), top: top + ((height - side) >> 1), width: side, height: side };
}

function colours(image: Sharp, background: string): Sharp {
  return image.flatten({ background }).toColourspace("srgb").ensureAlpha();
}

/** CMYK without a conversion. sharp would assume a profile that the image does not have. */
function inks(image: Sharp): Sharp {
  return image.pipelineColourspace("cmyk").toColourspace("cmyk");
}

/**
 * CMYK, [n, 4] values of one or two bytes, as RGB and an ignored byte, [n, 4], by the formula that is also used for
 * a JPEG without a profile.
 */
function lightened(inks: Buffer, bytes: number): Buffer {
  const pixels = Buffer.alloc(inks.length / bytes);
  // Of two bytes the last one is the high one: all supported machines are little-endian.
  const white = (at: number) => 255 - inks[at * bytes + bytes - 1]!;
  for (let at = 0; at < pixels.length; at += 4)
    for (let i = at; i < at + 3; i++) pixels[i] = Math.floor((white(i) * white(at + 3) + 127) / 255);
  return pixels;
}

/** Warnings are ignored; a truncated or broken file is an error. */
const READ = { failOn: "error", limitInputPixels: MAX_JPEG_PIXELS } as const;

/** Reading a header is harmless at any size; `toPixels` then rejects large images with its own message. */
const HEADER = { ...READ, limitInputPixels: false } as const;

/** An image of `MAX_PIXELS` takes one or two seconds. */
const MAX_SECONDS = 5;

/** Dots per inch at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
