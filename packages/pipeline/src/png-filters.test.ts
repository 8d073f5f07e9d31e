import { expect, it } from "vitest";
import { filteredRows } from "./png-filters.js";

/** Two rows of two pixels, of which each filter's differences are known. */
const rows = (pixels: number[]) => [...filteredRows(Uint8Array.from(pixels), 2)];

it("leaves a row as it is where that is least", () => {
  // The row above is far away, and left of each pixel there is a far one.
  expect(rows([200, 0, 200, 0, 200, 0, ...[1, 100, 2, 100, 3, 100]]).slice(0, 7)).toEqual([
    0,
    ...[200, 0, 200, 0, 200, 0],
  ]);
});

it("takes a row's differences to the left, above, to their mean or to Paeth's choice", () => {
  expect(rows([9, 8, 7, 10, 8, 6, ...[9, 8, 7, 9, 8, 7]]).slice(0, 7)).toEqual([1, 9, 8, 7, 1, 0, 255]);
  expect(rows([9, 80, 30, 90, 8, 60, ...[9, 80, 30, 91, 8, 60]]).slice(7)).toEqual([2, 0, 0, 0, 1, 0, 0]);
  // Left 60 and above 20, mean 40: far from both.
  expect(rows([120, 120, 120, 20, 20, 20, ...[60, 60, 60, 40, 40, 40]]).slice(7)).toEqual([
    3,
    ...[0, 0, 0, 0, 0, 0],
  ]);
  // The first pixel is nearest to the one above; the second's left + above − corner is the left one.
  expect(rows([50, 50, 50, 50, 50, 50, ...[90, 90, 90, 90, 90, 90]]).slice(7)).toEqual([
    ...[4, 40, 40, 40, 0, 0, 0],
  ]);
});
