/** Images and maps as `data:` URLs for a page. */
import sharp from "sharp";
import type { StageImage } from "../generation/image-source.js";
import type { PlaceMap } from "../generation/inspect.js";

export async function dataUrl({ pixels, size }: StageImage): Promise<string> {
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

/** The image with brightness scaled by the map: 1 at its maximum, 0.2 where it is 0. */
export function litBy({ pixels, size }: StageImage, map: PlaceMap): StageImage {
  const most = largest(map.values) || 1;
  const lit = Uint8Array.from(pixels, (value, i) => {
    const place = Math.floor(i / 3);
    const row = Math.floor((Math.floor(place / size) * map.size) / size);
    const column = Math.floor(((place % size) * map.size) / size);
    return value * (0.2 + (0.8 * map.values[row * map.size + column]!) / most);
  });
  return { pixels: lit, size };
}

/** The map as colours, from dark at 0 to bright at `most`. */
export function heatOf({ values, size }: PlaceMap, most: number): StageImage {
  const pixels = Uint8Array.from({ length: values.length * 3 }, (_, i) => {
    const share = most > 0 ? Math.min(1, values[Math.floor(i / 3)]! / most) : 0;
    const [from, to] = share < 0.5 ? [dark, middle] : [middle, bright];
    const way = share < 0.5 ? 2 * share : 2 * share - 1;
    return from[i % 3]! + (to[i % 3]! - from[i % 3]!) * way;
  });
  return { pixels, size };
}

/** Maximum of non-negative values. The map of a large image has too many for the arguments of `Math.max`. */
export function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

const dark = [16, 18, 48];
const middle = [205, 70, 85];
const bright = [255, 242, 180];
