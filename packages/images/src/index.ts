/**
 * Scales images to small squares: the centre square of an image, or of a part of it, scaled and turned upright, on
 * Node's thread pool. Scaling equals Pillow's BILINEAR to the bit: a triangle filter over all pixels of the result.
 */
import { createRequire } from "node:module";
import { Failure } from "@sdgan/addons/addon-path";
import { pathOfAddon } from "./addon-path.js";

export interface JpegHeader {
  /** Pixels, as they are stored. */
  width: number;
  height: number;
  /** EXIF orientation: 1 (upright) to 8. */
  orientation: number;
}

/** A part of an image, in whole pixels. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** An image that another library has decoded. */
export interface RawPixels {
  /** [height, width, 4] bytes: red, green, blue, and one that is ignored. */
  data: Uint8Array;
  width: number;
  height: number;
  /** EXIF orientation: 1 (upright) to 8. */
  orientation: number;
}

/**
 * The header of a JPEG that `jpegSquare` can read: grey, three colours or four inks (CMYK), 8 bits, without a colour
 * profile other than sRGB's. Undefined for every other file, and for all files if the addon was built without
 * libjpeg-turbo.
 */
export function jpegHeader(encoded: Uint8Array): JpegHeader | undefined {
  const header = native.jpegHeader(encoded);
  return header && { width: header[0], height: header[1], orientation: header[2] };
}

/**
 * Fills `into`, [size, size, 3] bytes, with the centre square of a part of a JPEG, turned by its EXIF orientation. If
 * the part is at least four times as large, it is decoded at a half, a quarter or an eighth of its size, but at least
 * at twice `size`. The bytes must not change, and `into` must not be used, until the promise settles.
 * Rejects with an `Error` that reports what is wrong with the bytes.
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

/** The same for pixels: fills `into` with their centre square, turned by `orientation`. */
export function square(pixels: RawPixels, size: number, into: Uint8Array): Promise<void> {
  const { data, width, height, orientation } = pixels;
  return native.square(data, width, height, orientation, size, into);
}

/** XXH64 of `bytes`, 16 hexadecimal digits: detects accidental changes, not forgeries. */
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
    throw new Failure(`The addon for images cannot be loaded from ${path} (${reason}). Run: npx sdgan setup`);
  }
}
