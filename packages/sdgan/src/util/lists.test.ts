import { expect, it } from "vitest";
import { groupBy, mean, partsOf } from "./lists.js";

it("groups keep the order of keys and items", () => {
  const groups = groupBy([5, 2, 3, 4, 1], (value) => value % 2 === 0);
  expect([...groups]).toEqual([
    [false, [5, 3, 1]],
    [true, [2, 4]],
  ]);
  expect(groupBy([], String).size).toBe(0);
});

it("parts have the same length, except the last", () => {
  expect(partsOf([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(partsOf([1, 2], 2)).toEqual([[1, 2]]);
  expect(partsOf([], 2)).toEqual([]);
});

it("computes the mean", () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(mean(Float32Array.of(0.5, 1))).toBe(0.75);
  expect(mean([])).toBeNaN();
});
