import { describe, expect, it } from "vitest";
import { interval95, studentQuantile } from "./student.js";

describe("studentQuantile", () => {
  // Two-sided 95 % and 99 %, from printed tables.
  it.each([
    [1, 12.706, 63.657],
    [2, 4.303, 9.925],
    [3, 3.182, 5.841],
    [4, 2.776, 4.604],
    [5, 2.571, 4.032],
    [9, 2.262, 3.25],
    [10, 2.228, 3.169],
    [30, 2.042, 2.75],
    [120, 1.98, 2.617],
  ])("equals the tables for %i degrees of freedom", (degrees, t95, t99) => {
    expect(studentQuantile(degrees, 0.95)).toBeCloseTo(t95, 3);
    expect(studentQuantile(degrees, 0.99)).toBeCloseTo(t99, 3);
  });

  it("approaches the normal distribution's quantile", () => {
    expect(studentQuantile(20_000, 0.95)).toBeCloseTo(1.96, 3);
    expect(studentQuantile(20_001, 0.95)).toBeCloseTo(1.96, 3);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %s degrees of freedom", (degrees) => {
    expect(() => studentQuantile(degrees, 0.95)).toThrow(/one or more degrees of freedom/);
  });
});

describe("interval95", () => {
  it("is mean ± t · s / √n", () => {
    // Mean 3, s = 1, n = 3.
    const [low, high] = interval95([2, 3, 4])!;
    expect(low).toBeCloseTo(3 - 4.3027 / Math.sqrt(3), 3);
    expect(high).toBeCloseTo(3 + 4.3027 / Math.sqrt(3), 3);
    expect(interval95([2, 2])).toEqual([2, 2]);
  });

  it("is absent for fewer than two values", () => {
    expect([interval95([]), interval95([1])]).toEqual([undefined, undefined]);
  });
});
