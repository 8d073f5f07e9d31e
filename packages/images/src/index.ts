/**
 * Images to small squares: the middle of an image, or of a part of it, scaled and turned upright, on Node's own
 * threads. Scaling is Pillow's BILINEAR, to the bit: a triangle that covers every pixel that goes into the result.
 */
import { createRequire } from "node:module";
import { pathOfAddon } from "./addon-path.js";

export interface JpegHeader {
  /** Pixels, as they are stored. */
  width: number;
  height: number;
  /** How the image is turned for people to see it, as EXIF numbers it: 1 (not at all) to 8. */
  orientation: number;
}

/** A part of an image, in whole pixels. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What somebody else has decoded. */
export interface RawPixels {
  /** [height, width, 4] bytes: red, green, blue, and one that is not looked at. */
  data: Uint8Array;
  width: number;
  height: number;
  /** As EXIF numbers it. */
  orientation: number;
}

/**
 * The header of a JPEG that `jpegSquare` reads: grey, in three colours or in four inks, 8 bits, without a colour
 * profile other than sRGB's. Undefined
 * for every other file, and for all files where the addon was built without libjpeg-turbo.
 */
export function jpegHeader(encoded: Uint8Array): JpegHeader | undefined {
  const header = native.jpegHeader(encoded);
  return header && { width: header[0], height: header[1], orientation: header[2] };
}

/**
 * Fills `into`, [size, size, 3] bytes, with the middle square of a part of a JPEG, turned as its EXIF says. Where the
 * part is four times as large or more, it is decoded at a half, a quarter or an eighth of its size, but twice `size`
 * at least. Nobody else may write to the bytes, or use `into`, meanwhile.
 * Rejects with an `Error` that says what is wrong with the bytes.
 */
export function jpegSquare(
  encoded: Uint8Array,
  crop: Rectangle,
  size: number,
  into: Uint8Array,
): Promise<void> {
  const { left, top, width, height } = crop;
  return native.jpegSquare(encoded, left, top, width, height, size, into);
}

/** The same of pixels: their middle square, turned. */
export function square(pixels: RawPixels, size: number, into: Uint8Array): Promise<void> {
  const { data, width, height, orientation } = pixels;
  return native.square(data, width, height, orientation, size, into);
}

/** XXH64 of `bytes`, 16 hexadecimal digits: for telling accidents, not forgeries. */
export function checksum(bytes: Uint8Array): string {
  return native.checksum(bytes);
}

interface Native {
  jpegHeader(encoded: Uint8Array): [number, number, number] | undefined;
  jpegSquare(
    encoded: Uint8Array,
    left: number,
    top: number,
    width: number,
    height: number,
    size: number,
    into: Uint8Array,
  ): Promise<void>;
  square(
    data: Uint8Array,
    width: number,
    height: number,
    orientation: number,
    size: number,
    into: Uint8Array,
  ): Promise<void>;
  checksum(bytes: Uint8Array): string;
}

const native = load();

function load(): Native {
  const path = pathOfAddon();
  try {
    return createRequire(import.meta.url)(path) as Native;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Error(`The addon for images cannot be loaded from ${path} (${reason}). Run: npx sdgan setup`);
  }
}
