import { readFileSync } from "node:fs";
import { tensor } from "@sdgan/torch";
import { expect, it } from "vitest";
import { frechetDistance } from "./frechet-distance.js";
import { inceptionScore } from "./inception-score.js";

/** Values of the published code, of inputs that formulas give. */
const golden = JSON.parse(readFileSync(new URL("../../../golden/metrics.json", import.meta.url), "utf8")) as {
  fid: { value: number };
  inception_score: { splits10: [number, number]; splits1: [number, number] };
};

const matrix = (rows: number, columns: number, value: (i: number) => number) =>
  tensor(
    Array.from({ length: rows * columns }, (_, i) => value(i)),
    { dtype: "float64" },
  ).view(rows, columns);

it("FID is the published one", () => {
  const a = matrix(64, 16, (i) => Math.sin(0.7 * i));
  const b = matrix(64, 16, (i) => 1.3 * Math.cos(0.31 * i) + 0.2);
  expect(frechetDistance(a, b) / golden.fid.value).toBeCloseTo(1, 7);
  expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-6);
});

it("Inception Score is the published one, mean and deviation", () => {
  const unscaled = matrix(50, 10, (i) => Math.exp(2 * Math.sin(0.9 * i)));
  const p = unscaled.div(unscaled.sum(1, true));
  for (const [splits, [mean, deviation]] of [
    [10, golden.inception_score.splits10],
    [1, golden.inception_score.splits1],
  ] as const) {
    const score = inceptionScore(p, splits);
    expect(score.mean / mean).toBeCloseTo(1, 8);
    expect(score.deviation).toBeCloseTo(deviation, 8);
  }
});
