import sharp from "sharp";

/**
 * An encoded picture as [size, size, 3] bytes of sRGB, turned as its EXIF says. What is cut and what is filled:
 *
 * - An ordinary picture is a photograph: its longer side is cut to the middle square.
 * - A picture with see-through parts, an SVG among them, is a thing on its own ground: it stays whole, in the
 *   middle, and `background` fills the rest and shines through.
 *
 * SVG is drawn at the size wanted, everything else is scaled with a Lanczos kernel.
 * Rejects when the bytes are no picture, or not all of one.
 */
export async function toPixels(encoded: Buffer, size: number, background: string): Promise<Buffer> {
  if (encoded.length === 0) throw new Error("the file is empty");
  const metadata = await sharp(encoded).metadata();
  const { width, height } = metadata;
  const whole = width !== height && metadata.hasAlpha && !(await sharp(encoded, READ).stats()).isOpaque;
  const unscaled = whole ? Math.max(width, height) : Math.min(width, height);
  const density = Math.min(Math.max((SVG_DENSITY * size) / unscaled, 1), 100_000);
  const { data, info } = await sharp(encoded, { ...READ, ...(metadata.format === "svg" && { density }) })
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

/**
 * Whatever can be read whole is taken, with or without warnings; a truncated or broken file is an error, and so is
 * one of more pixels than there is room for: a progressive JPEG takes six bytes for each.
 */
const READ = { failOn: "error", limitInputPixels: 48_000_000 } as const;

/** Dots an inch at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
