import { describe, expect, it } from "vitest";
import { meanAndSampleDeviation, signFlipTest } from "./paired-test.js";
import { bestOf, cellsOf, compare, comparisonCells, type Measure, markdownTable, rowsOf } from "./table.js";

describe("the paired test", () => {
  it("has the values that counting by hand gives", () => {
    // Sums of ±1 ±2 ±3 as far from 0 as 6: both signs of all. Mean 2, deviation 1.
    expect(signFlipTest([1, 2, 3])).toEqual({ n: 3, difference: 2, deviation: 1, p: 2 / 8, least: 2 / 8 });
    // ±1 ±2 ±4 beside −1 + 2 + 4 = 5: 7, 5, −5, −7 of eight sums; 3, 1, −1, −3 are nearer.
    expect(signFlipTest([-1, 2, 4]).p).toBe(4 / 8);
    // 1 − 1 = 0: every sum is as far.
    expect(signFlipTest([1, -1]).p).toBe(1);
    expect(signFlipTest([5, 5, 5, 5, 5]).p).toBe(2 / 32);
    expect(signFlipTest([-5, -5, -5, -5, -5])).toMatchObject({ p: 2 / 32, difference: -5 });
  });

  it("has all signs of a pair for one difference, and 1 where nothing differs", () => {
    expect(signFlipTest([0.3])).toEqual({ n: 1, difference: 0.3, deviation: 0, p: 1, least: 1 });
    expect(signFlipTest([0, 0, 0]).p).toBe(1);
  });

  it("counts equal sums as equal, whatever rounding makes of them", () => {
    // 0.1 + 0.2 and 0.3 differ in the last bit: +++ −−− reach 0.6, and ++− is 0 like −−+.
    expect(signFlipTest([0.1, 0.2, 0.3]).p).toBe(2 / 8);
    expect(signFlipTest([0.1, 0.2, -0.3]).p).toBe(1);
  });

  it("draws some of the ways where there are too many pairs for all", () => {
    expect(signFlipTest(new Array(21).fill(1)).p).toBeLessThan(1e-5);
    expect(signFlipTest(Array.from({ length: 24 }, (_, i) => (-1) ** i)).p).toBe(1);
  });

  it("refuses nothing at all", () => {
    expect(() => signFlipTest([])).toThrow(/one pair or more/);
  });
});

it("the deviation over seeds is the sample's", () => {
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
  it("has a line for every variant that was run, with means over its seeds", () => {
    expect(rows.map(({ variant, seeds }) => [variant, seeds])).toEqual([
      ["baseline", [0, 1, 2]],
      ["full", [0, 1]],
      ["twin", [0, 1]],
    ]);
    expect(rows[1]!.figures.score!.mean).toBeCloseTo(0.65);
    expect(rows[1]!.figures.score!.deviation).toBeCloseTo(Math.sqrt(0.005));
    expect(rows[0]!.figures.loss).toEqual({ mean: 2, deviation: 0 });
  });

  it("finds the best by each measure's direction, and none where there is none", () => {
    expect(bestOf(rows, score)).toEqual(["full", "twin"]);
    expect(bestOf(rows, loss)).toEqual(["baseline"]);
    expect(bestOf(rows, size)).toEqual([]);
  });

  it("shows mean ± deviation, the best bold, and references below", () => {
    const references = [{ title: "real images", figures: { score: 0.9 } }];
    expect(cellsOf(rows, all, references)).toEqual([
      ["variant", "seeds", "size", "score ↑", "loss ↓"],
      ["baseline: the old", "3", "1000", "0.5000", "**2**"],
      ["full: the new", "2", "1200", "**0.6500 ± 0.0707**", "4.000 ± 1.414"],
      ["twin: the new again (the same as full)", "2", "1200", "**0.6500 ± 0.0707**", "4.000 ± 1.414"],
      ["real images", "", "–", "0.9000", "–"],
    ]);
    expect(
      markdownTable([
        ["a", "b|c"],
        ["x", "y"],
      ]),
    ).toBe("| a | b\\|c |\n| --- | ---: |\n| x | y |");
  });

  it("leaves out a column that no run has", () => {
    expect(cellsOf(rows, [score, { name: "none", title: "none" }])[0]).toEqual([
      "variant",
      "seeds",
      "score ↑",
    ]);
  });
});

it("two variants are compared on the seeds that both have", () => {
  const compared = compare(all, runs, "full", "baseline");
  expect(compared.map(({ measure, n }) => [measure, n])).toEqual([
    ["size", 2],
    ["score", 2],
    ["loss", 1],
  ]);
  expect(compared[1]!.difference).toBeCloseTo(0.15);
  expect(comparisonCells(compared, all)[2]).toEqual(["score", "0.1500 ± 0.0707", "2", "0.5", "0.5"]);
});
