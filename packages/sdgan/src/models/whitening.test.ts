import { cat, manualSeed, randn, type Tensor, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { Whitening } from "./whitening.js";

const D = 8;
/** Correlated features: three directions vary much, the others a third, a tenth, … as much; their mean is not 0. */
const features = (count: number) => randn([count, D]).mul(scales).matmul(mixing).add(3);
let scales: Tensor;
let mixing: Tensor;

beforeEach(() => {
  manualSeed(1);
  scales = tensor([3, 3, 3, 1, 1, 0.9, 0.8, 0.8]);
  mixing = randn([D, D]);
});

function trained(batches = 200): Whitening {
  const whitening = new Whitening(D);
  for (let i = 0; i < batches; i++) whitening.forward(features(64));
  return whitening.eval();
}

/** D / 16 · covariance, by rows: the features' norm is 4. */
function covarianceOf(output: Tensor): number[][] {
  const centered = output.sub(output.mean(0));
  const values = centered
    .t()
    .matmul(centered)
    .mul(D / 16 / output.size(0))
    .toNumbers();
  return Array.from({ length: D }, (_, i) => values.slice(i * D, (i + 1) * D));
}

describe("whitening", () => {
  it("gives features of mean 0 whose directions vary alike", () => {
    const [input, whitening] = [features(20_000), trained()];
    const output = whitening.forward(input);
    expect(output.mean(0).abs().max().item()).toBeLessThan(0.2);
    const before = covarianceOf(input.mul(4));
    const spread = (rows: number[][]) =>
      Math.max(...rows.map((row, i) => row[i]!)) / Math.min(...rows.map((row, i) => row[i]!));
    const after = covarianceOf(output);
    for (const [i, row] of after.entries())
      for (const [j, value] of row.entries()) if (i !== j) expect(Math.abs(value)).toBeLessThan(0.35);
    expect(spread(after)).toBeLessThan(spread(before));
    expect(after.reduce((sum, row, i) => sum + row[i]!, 0) / D).toBeGreaterThan(0.5);
    expect(after.reduce((sum, row, i) => sum + row[i]!, 0) / D).toBeLessThan(1.05);
  });

  it("is the inverse square root of covariance and regularization", () => {
    const whitening = trained();
    const { covariance, projection } = whitening;
    const variance =
      Array.from({ length: D }, (_, i) => covariance.select(0, i).select(0, i).item()).reduce(
        (a, b) => a + b,
      ) / D;
    const square = projection.matmul(projection).mul(D / 16); // The inverse of the regularized covariance.
    const product = square
      .matmul(covariance)
      .add(square.mul(0.1 * variance))
      .toNumbers();
    for (const [i, value] of product.entries()) expect(value).toBeCloseTo(i % (D + 1) === 0 ? 1 : 0, 3);
  });

  it("does not count features that are not present", () => {
    const [all, some] = [new Whitening(D), new Whitening(D)];
    const batch = features(64);
    all.forward(batch);
    const padded = cat([batch, features(64).mul(100)]).view(2, 64, D);
    const present = tensor(
      Array.from({ length: 128 }, (_, i) => Number(i < 64)),
      { dtype: "bool" },
    ).view(2, 64);
    const output = some.forward(padded, present);
    expect(output.shape).toEqual([2, 64, D]);
    expect(relativeError(some.mean, all.mean)).toBeLessThan(1e-5);
    expect(relativeError(some.projection, all.projection)).toBeLessThan(1e-4);
  });

  it("does not learn in evaluation, and is the same from its state", () => {
    const whitening = trained();
    const input = features(5);
    const output = whitening.forward(input);
    const other = new Whitening(D).eval();
    expect(relativeError(other.forward(input), output)).toBeGreaterThan(0.1);
    other.loadStateDict(whitening.stateDict());
    expect(other.forward(input).equal(output)).toBe(true);
    expect(whitening.forward(input.mul(2)).equal(output)).toBe(false);
    expect(whitening.forward(input).equal(output)).toBe(true);
  });

  it.each([
    ["fewer features than directions", () => features(3)],
    ["equal features", () => features(1).expand(6, D)],
  ])("is finite for %s", (_, make) => {
    const whitening = new Whitening(D);
    for (let i = 0; i < 3; i++) expect(whitening.forward(make()).isfinite().all().item()).toBe(1);
  });
});
