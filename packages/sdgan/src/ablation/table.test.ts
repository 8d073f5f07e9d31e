import { describe, expect, it } from "vitest";
import { meanAndSampleDeviation, signFlipTest } from "./paired-test.js";
import {
  bestOf,
  cellsOf,
  compare,
  comparisonCells,
  effectOf,
  type Measure,
  markdownTable,
  rowsOf,
} from "./table.js";

describe("the paired test", () => {
  it("equals counts by hand", () => {
    // Of the sums ±1 ±2 ±3, two are as far from 0 as 6: +6 and −6. Mean 2, deviation 1.
    expect(signFlipTest([1, 2, 3])).toEqual({ n: 3, difference: 2, deviation: 1, p: 2 / 8, least: 2 / 8 });
    // The sum found is −1 + 2 + 4 = 5. Of the eight sums ±1 ±2 ±4, 7, 5, −5 and −7 are at least as far from
    // 0.
    expect(signFlipTest([-1, 2, 4]).p).toBe(4 / 8);
    // 1 − 1 = 0: every sum is at least as far from 0.
    expect(signFlipTest([1, -1]).p).toBe(1);
    expect(signFlipTest([5, 5, 5, 5, 5]).p).toBe(2 / 32);
    expect(signFlipTest([-5, -5, -5, -5, -5])).toMatchObject({ p: 2 / 32, difference: -5 });
  });

  it("is 1 for one pair, and if nothing differs", () => {
    expect(signFlipTest([0.3])).toEqual({ n: 1, difference: 0.3, deviation: 0, p: 1, least: 1 });
    expect(signFlipTest([0, 0, 0]).p).toBe(1);
  });

  it("treats sums that differ by rounding as equal", () => {
    // 0.1 + 0.2 and 0.3 differ in the last bit. +++ and −−− reach ±0.6; ++− and −−+ are 0.
    expect(signFlipTest([0.1, 0.2, 0.3]).p).toBe(2 / 8);
    expect(signFlipTest([0.1, 0.2, -0.3]).p).toBe(1);
  });

  it("samples sign assignments for more than 20 pairs", () => {
    expect(signFlipTest(new Array(21).fill(1)).p).toBeLessThan(1e-5);
    expect(signFlipTest(Array.from({ length: 24 }, (_, i) => (-1) ** i)).p).toBe(1);
  });

  it("refuses an empty list", () => {
    expect(() => signFlipTest([])).toThrow(/one pair or more/);
  });
});

it("the deviation over seeds is the sample deviation", () => {
  expect(meanAndSampleDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
  expect(meanAndSampleDeviation([3])).toEqual({ mean: 3, deviation: 0 });
});

const score: Measure = { name: "score", title: "score", better: "higher" };
const loss: Measure = { name: "loss", title: "loss", better: "lower" };
const size: Measure = { name: "size", title: "size" };
const all = [size, score, loss];
const variants = [
  { name: "baseline", title: "the old" },
  { name: "full", title: "the new" },
  { name: "twin", title: "the new again" },
  { name: "unrun", title: "never" },
];
const run = (variant: string, seed: number, figures: Record<string, number>) => ({ variant, seed, figures });
const runs = [
  run("full", 1, { size: 1200, score: 0.7, loss: 3 }),
  run("full", 0, { size: 1200, score: 0.6, loss: 5 }),
  run("baseline", 0, { size: 1000, score: 0.5, loss: 2 }),
  run("baseline", 1, { size: 1000, score: 0.5 }),
  run("baseline", 2, { size: 1000, score: 0.5, loss: 2 }),
];
const rows = rowsOf(variants, runs, new Map([["twin", "full"]]));

describe("the table", () => {
  it("has a row for every variant that was run, with means over its seeds", () => {
    expect(rows.map(({ variant, seeds }) => [variant, seeds])).toEqual([
      ["baseline", [0, 1, 2]],
      ["full", [0, 1]],
      ["twin", [0, 1]],
    ]);
    expect(rows[1]!.figures.score!.mean).toBeCloseTo(0.65);
    expect(rows[1]!.figures.score!.deviation).toBeCloseTo(Math.sqrt(0.005));
    expect(rows[0]!.figures.loss).toEqual({ mean: 2, deviation: 0 });
  });

  it("finds the best by each measure's direction, and none for measures without direction", () => {
    expect(bestOf(rows, score)).toEqual(["full", "twin"]);
    expect(bestOf(rows, loss)).toEqual(["baseline"]);
    expect(bestOf(rows, size)).toEqual([]);
  });

  it("shows mean ± deviation, the best in bold, and references below", () => {
    const references = [{ title: "real images", figures: { score: 0.9 } }];
    expect(cellsOf(rows, all, references)).toEqual([
      ["variant", "seeds", "size", "score ↑", "loss ↓"],
      ["baseline: the old", "3", "1000", "0.5000", "**2**"],
      ["full: the new", "2", "1200", "**0.6500 ± 0.0707**", "4.000 ± 1.414"],
      ["twin: the new again (equal to full)", "2", "1200", "**0.6500 ± 0.0707**", "4.000 ± 1.414"],
      ["real images", "", "–", "0.9000", "–"],
    ]);
    expect(
      markdownTable([
        ["a", "b|c"],
        ["x", "y"],
      ]),
    ).toBe("| a | b\\|c |\n| --- | ---: |\n| x | y |");
  });

  it("leaves out a measure that no run has", () => {
    expect(cellsOf(rows, [score, { name: "none", title: "none" }])[0]).toEqual([
      "variant",
      "seeds",
      "score ↑",
    ]);
  });
});

it("compares two variants on the seeds that both have", () => {
  const compared = compare(all, runs, "full", "baseline");
  expect(compared.map(({ measure, n }) => [measure, n])).toEqual([
    ["size", 2],
    ["score", 2],
    ["loss", 1],
  ]);
  expect(compared[1]!.difference).toBeCloseTo(0.15);
  const cells = comparisonCells(compared, all);
  // t = 12.706 for one degree of freedom, times 0.0707 / √2.
  expect(cells[2]).toEqual([
    ...["score", "0.1500 ± 0.0707", "−0.4853 to 0.7853", "no effect detected", "2", "0.5", "0.5"],
  ]);
  expect(cells[3]!.slice(0, 4)).toEqual(["loss", "3", "–", "unknown: one pair"]);
});

it("names the effect by the interval and the better direction", () => {
  expect(effectOf([0.1, 0.2], "higher")).toBe("better");
  expect(effectOf([0.1, 0.2], "lower")).toBe("worse");
  expect(effectOf([-0.2, -0.1], "lower")).toBe("better");
  expect(effectOf([-0.2, -0.1], "higher")).toBe("worse");
  expect(effectOf([-0.2, -0.1])).toBe("lower");
  expect(effectOf([0.1, 0.2])).toBe("higher");
  for (const interval of [
    [-0.1, 0.2],
    [0, 0.2],
    [-0.1, 0],
    [0, 0],
  ] as const)
    expect(effectOf([...interval], "higher")).toBe("no effect detected");
});
