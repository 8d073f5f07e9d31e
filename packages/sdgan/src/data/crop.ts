import type { Rectangle } from "@sdgan/images";
import type { Box } from "./dataset.js";

/**
 * What StackGAN and AttnGAN take of an image of `width` × `height` pixels around the box that the bird is in: the
 * square whose half side is 0.75 × the box's longer side, around the box's centre, cut at the image's edges (so it
 * may end up as no square). Fractions are dropped where their code drops them.
 * Throws an `Error` that says so when nothing of the image is left.
 */
export function cropAround({ x, y, width: w, height: h }: Box, width: number, height: number): Rectangle {
  const radius = Math.trunc(Math.max(w, h) * 0.75);
  const centreX = Math.trunc((2 * x + w) / 2);
  const centreY = Math.trunc((2 * y + h) / 2);
  const left = Math.max(0, centreX - radius);
  const right = Math.min(width, centreX + radius);
  const top = Math.max(0, centreY - radius);
  const bottom = Math.min(height, centreY + radius);
  // Written so that it holds of what is no number, too.
  if (!(right > left && bottom > top))
    throw new Error(`its box (${x}, ${y}, ${w} × ${h}) has nothing of its ${width} × ${height} pixels in it`);
  return { left, top, width: right - left, height: bottom - top };
}
