/** Colours of maps. */
import type { Bitmap, PlaceMap } from "../engine/engine.js";

/** Seven colours from dark to light of equal steps in lightness, which readers with any colour vision can order. */
const RAMP = [
  [13, 8, 54],
  [66, 15, 117],
  [124, 29, 126],
  [187, 49, 113],
  [236, 88, 87],
  [252, 155, 96],
  [252, 239, 186],
] as const;

/** The colour of a share in 0 … 1; others are clamped, NaN is 0. */
export function colorOf(share: number): [red: number, green: number, blue: number] {
  const place = Math.min(1, Math.max(0, share || 0)) * (RAMP.length - 1);
  const left = Math.min(Math.floor(place), RAMP.length - 2);
  const mix = (channel: 0 | 1 | 2) => {
    const from = RAMP[left]![channel];
    return Math.round(from + (RAMP[left + 1]![channel] - from) * (place - left));
  };
  return [mix(0), mix(1), mix(2)];
}

/** A map in colours, with `low` as the darkest and `high` as the lightest. */
export function colored({ size, values }: PlaceMap, low: number, high: number): Bitmap {
  const rgba = new Uint8ClampedArray(size * size * 4).fill(255);
  for (let place = 0; place < size * size; place++)
    rgba.set(colorOf(high > low ? (values[place]! - low) / (high - low) : 0), place * 4);
  return { size, rgba };
}

/**
 * An image with a map over it: places with little weight are grey and dark, those with much keep their colours and get
 * a warm tint. The map is enlarged smoothly.
 * @param least the weight that counts as none
 * @param most the weight that counts as all
 */
export function overlaid(image: Bitmap, { size, values }: PlaceMap, least: number, most: number): Bitmap {
  const rgba = new Uint8ClampedArray(image.rgba);
  for (let y = 0; y < image.size; y++)
    for (let x = 0; x < image.size; x++) {
      const at = (y * image.size + x) * 4;
      const weight = sample(values, size, x, y, image.size);
      const share = most > least ? Math.min(1, Math.max(0, (weight - least) / (most - least))) : 0;
      const [red, green, blue] = [rgba[at]!, rgba[at + 1]!, rgba[at + 2]!];
      const grey = (0.3 * red + 0.59 * green + 0.11 * blue) * 0.35;
      const tint = colorOf(0.35 + 0.6 * share);
      for (const [channel, value] of [red, green, blue].entries()) {
        const lit = value * 0.6 + tint[channel]! * 0.4;
        rgba[at + channel] = grey + (lit - grey) * share;
      }
    }
  return { size: image.size, rgba };
}

/** The value at a pixel of an image of `pixels` per side, between the nearest four places. */
function sample(values: Float32Array, size: number, x: number, y: number, pixels: number): number {
  const along = (pixel: number) => {
    const place = Math.min(size - 1, Math.max(0, ((pixel + 0.5) * size) / pixels - 0.5));
    const low = Math.min(Math.floor(place), Math.max(0, size - 2));
    return { low, high: Math.min(low + 1, size - 1), share: place - low };
  };
  const [column, row] = [along(x), along(y)];
  const inRow = (index: number) =>
    values[index * size + column.low]! * (1 - column.share) +
    values[index * size + column.high]! * column.share;
  return inRow(row.low) * (1 - row.share) + inRow(row.high) * row.share;
}

/**
 * The difference of two images of one size: for each pixel the largest of its channels' differences, 0 … 255.
 * `mean` is over all channels and pixels.
 */
export function difference(a: Bitmap, b: Bitmap): PlaceMap & { mean: number } {
  const values = new Float32Array(a.size * a.size);
  let sum = 0;
  for (let place = 0; place < values.length; place++)
    for (let channel = 0; channel < 3; channel++) {
      const each = Math.abs(a.rgba[place * 4 + channel]! - b.rgba[place * 4 + channel]!);
      values[place] = Math.max(values[place]!, each);
      sum += each;
    }
  return { size: a.size, values, mean: sum / (values.length * 3) };
}
