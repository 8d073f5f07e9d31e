import { expect, it } from "vitest";
import { colored, colorOf, difference, overlaid } from "./colors.js";

const luminance = ([red, green, blue]: readonly number[]) => 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;

it("colours grow lighter with the value", () => {
  const shares = Array.from({ length: 101 }, (_, i) => luminance(colorOf(i / 100)));
  for (let i = 1; i < shares.length; i++) expect(shares[i]!).toBeGreaterThan(shares[i - 1]!);
  expect(colorOf(-1)).toEqual(colorOf(0));
  expect(colorOf(2)).toEqual(colorOf(1));
  expect(colorOf(Number.NaN)).toEqual(colorOf(0));
});

it("colours a map from its lowest to its highest value", () => {
  const { rgba } = colored({ size: 2, values: Float32Array.of(1, 2, 3, 1) }, 1, 3);
  expect([...rgba]).toEqual([
    ...colorOf(0),
    255,
    ...colorOf(0.5),
    255,
    ...colorOf(1),
    255,
    ...colorOf(0),
    255,
  ]);
  const equal = colored({ size: 1, values: Float32Array.of(5) }, 5, 5);
  expect([...equal.rgba.slice(0, 3)]).toEqual(colorOf(0));
});

it("darkens an image where the weight is least, and enlarges the map", () => {
  const image = { size: 4, rgba: new Uint8ClampedArray(64).fill(200) };
  const { rgba, size } = overlaid(image, { size: 2, values: Float32Array.of(0.1, 0.9, 0.1, 0.9) }, 0.1, 0.9);
  const light = Array.from({ length: 4 }, (_, x) => luminance([...rgba.slice(x * 4, x * 4 + 3)]));
  expect(size).toBe(4);
  expect(light[0]).toBeLessThan(80);
  for (let x = 1; x < 4; x++) expect(light[x]!).toBeGreaterThan(light[x - 1]!);
  expect(rgba[3]).toBe(200);
  expect(image.rgba[0]).toBe(200);
});

it("measures how images differ", () => {
  const a = { size: 1, rgba: Uint8ClampedArray.of(10, 20, 30, 255) };
  const b = { size: 1, rgba: Uint8ClampedArray.of(13, 20, 21, 255) };
  expect(difference(a, b)).toEqual({ size: 1, values: Float32Array.of(9), mean: 4 });
  expect(difference(a, a).mean).toBe(0);
});
