import type { Random } from "@sdgan/core";
import type { Colour } from "./species.js";

/** Red, green and blue, each 0 … 255. They are rounded to whole numbers only in the SVG text. */
export type Rgb = readonly [number, number, number];

/** The named colours in neutral light. */
export const palette: Record<Colour, Rgb> = {
  red: [207, 42, 39],
  orange: [245, 132, 26],
  yellow: [248, 220, 53],
  green: [63, 155, 70],
  blue: [42, 107, 208],
  pink: [243, 143, 184],
  brown: [116, 71, 42],
  black: [38, 38, 43],
  white: [246, 244, 239],
  gray: [135, 141, 148],
};

export const ink: Rgb = [40, 34, 34];
export const paper: Rgb = [255, 253, 246];

/** The light of one image: scales a colour's channels and returns it in SVG notation. */
export type Light = (colour: Rgb) => string;

/** A slightly brighter or darker, warmer or cooler light. */
export function randomLight(random: Random): Light {
  const brightness = random.uniform(0.9, 1.06);
  const warmth = random.uniform(-0.04, 0.04);
  const gains = [brightness * (1 + warmth), brightness, brightness * (1 - warmth)];
  return (colour) => `#${colour.map((value, i) => hexByte(value * gains[i]!)).join("")}`;
}

/** `colour` with each channel changed by up to `reach`. */
export function jitter(colour: Rgb, reach: number, random: Random): Rgb {
  const common = random.uniform(-reach, reach);
  const [r, g, b] = colour.map((value) => value + (common + random.uniform(-reach, reach)) / 2);
  return [r!, g!, b!];
}

/** Interpolates from `from` (share 0) to `to` (share 1). */
export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const [r, g, b] = from.map((value, i) => value + (to[i]! - value) * share);
  return [r!, g!, b!];
}

/** Perceived lightness of a colour, 0 … 1 (Rec. 601 luma). */
export function luma([r, g, b]: Rgb): number {
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

function hexByte(value: number): string {
  return Math.round(Math.min(255, Math.max(0, value)))
    .toString(16)
    .padStart(2, "0");
}
