/** Animated files. */
import { applyPalette, GIFEncoder, quantize } from "gifenc";
import type { Bitmap } from "../engine/engine.js";

/**
 * A GIF that plays the frames forward and back, without end.
 * @param scale enlarges by whole pixels
 * @param delay of a frame in milliseconds
 */
export function animated(
  frames: readonly Bitmap[],
  { delay = 60, scale = 1 }: { delay?: number; scale?: number } = {},
): Uint8Array<ArrayBuffer> {
  const gif = GIFEncoder();
  for (const frame of [...frames, ...frames.slice(1, -1).reverse()]) {
    const { size, rgba } = enlarged(frame, scale);
    const palette = quantize(rgba, 256);
    gif.writeFrame(applyPalette(rgba, palette), size, size, { palette, delay });
  }
  gif.finish();
  return Uint8Array.from(gif.bytes());
}

function enlarged({ size, rgba }: Bitmap, scale: number): Bitmap {
  if (scale === 1) return { size, rgba };
  const wide = size * scale;
  const pixels = new Uint32Array(rgba.slice().buffer);
  const result = new Uint32Array(wide * wide);
  for (let y = 0; y < wide; y++)
    for (let x = 0; x < wide; x++)
      result[y * wide + x] = pixels[Math.floor(y / scale) * size + Math.floor(x / scale)]!;
  return { size: wide, rgba: new Uint8ClampedArray(result.buffer) };
}
