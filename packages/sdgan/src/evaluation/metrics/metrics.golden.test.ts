import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { formulaTensor, shapeOf } from "../../testing/formula.js";
import { goldenPath } from "../../testing/golden.js";
import { frechetDistance } from "./frechet-distance.js";
import { inceptionScore } from "./inception-score.js";

/** Values of the published code, and the formulas of its inputs: "sin(0.7 i + 0) as [64,16]". */
const golden = JSON.parse(readFileSync(goldenPath("metrics.json"), "utf8")) as {
  /** `self` is the published code's distance of `a` to itself: its rounding error. */
  fid: { a: string; b: string; value: number; self: number };
  inception_score: { p: string } & Record<`splits${number}`, [mean: number, deviation: number]>;
};

function matrix(text: string) {
  const match = /^(.+) as \[([\d,\s]+)\]/.exec(text);
  if (!match) throw new Error(`"${text}" is not a formula with a shape; expected "… i … as [rows,columns]"`);
  return formulaTensor(match[1]!, shapeOf(match[2]!));
}

it("FID equals that of the published code", () => {
  const { a: first, b: second, value, self } = golden.fid;
  const [a, b] = [matrix(first), matrix(second)];
  // The square root of a singular matrix is exact to about half of float64's digits, in both implementations.
  expect(Math.abs(frechetDistance(a, b) - value)).toBeLessThan(5e-8 * value + Math.abs(self));
  expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-7 * a.square().sum(1).mean().item());
});

it("Inception Score equals that of the published code, mean and deviation", () => {
  const { p: text, ...expected } = golden.inception_score;
  const rows = /^rows of (.+), each divided by its sum$/.exec(text);
  if (!rows) throw new Error(`"${text}" has an unknown form; expected "rows of …, each divided by its sum"`);
  const unscaled = matrix(rows[1]!);
  const p = unscaled.div(unscaled.sum(1, true));
  expect(Object.keys(expected).length).toBeGreaterThan(0);
  for (const [key, [mean, deviation]] of Object.entries(expected)) {
    const score = inceptionScore(p, Number(key.replace("splits", "")));
    expect(score.mean / mean).toBeCloseTo(1, 8);
    expect(score.deviation).toBeCloseTo(deviation, 8);
  }
});
