import type { Rectangle } from "@sdgan/images";
import type { Box } from "./dataset.js";

/**
 * The crop of StackGAN and AttnGAN for an image of `width` × `height` pixels with a bounding box: the square
 * around the box's centre whose half side is 0.75 × the box's longer side, clipped at the image's edges, so
 * that it may not be square. Fractions are truncated at the same places as in their code.
 * Throws an `Error` when the crop has no pixels of the image.
 */
export function cropAround({ x, y, width: w, height: h }: Box, width: number, height: number): Rectangle {
  const radius = Math.trunc(Math.max(w, h) * 0.75);
  const centreX = Math.trunc((2 * x + w) / 2);
  const centreY = Math.trunc((2 * y + h) / 2);
  const left = Math.max(0, centreX - radius);
  const right = Math.min(width, centreX + radius);
  const top = Math.max(0, centreY - radius);
  const bottom = Math.min(height, centreY + radius);
  // Written so that NaN is rejected, too.
  if (!(right > left && bottom > top))
    throw new Error(
      `its bounding box (${x}, ${y}, ${w} × ${h}) has no pixels of the image, which has ${width} × ${height}`,
    );
  return { left, top, width: right - left, height: bottom - top };
}
