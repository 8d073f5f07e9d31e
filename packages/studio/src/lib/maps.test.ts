import { expect, it } from "vitest";
import { short, summaryOf } from "./maps.js";

it("says where a map is largest", () => {
  const at = (place: number) => {
    const values = new Float32Array(36);
    values[place] = 3.6;
    const { row, column } = summaryOf({ size: 6, values });
    return `${row} ${column}`;
  };
  expect([at(0), at(14), at(35), at(5)]).toEqual(["top left", "middle centre", "bottom right", "top right"]);
  const one = summaryOf({ size: 1, values: Float32Array.of(2) });
  expect([one.mean, one.least, one.most]).toEqual([2, 2, 2]);
});

it("writes three digits", () => {
  expect([0.123456, 12.3456, 0, 1234.5, 1e-9].map(short)).toEqual(["0.123", "12.3", "0", "1230", "1e-9"]);
});
