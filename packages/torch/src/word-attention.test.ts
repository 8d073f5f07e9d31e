import { describe, expect, it } from "vitest";
import { functional, grad, manualSeed, randn, type Tensor, tensor } from "./index.js";

/** The formula, by plain operators. */
function byOperators(scores: Tensor, absent: Tensor, gamma1: number): Tensor {
  return scores.maskedFill(absent, -Infinity).softmax(3).mul(gamma1).softmax(1);
}

const largest = (difference: Tensor) => difference.abs().amax([]).item() as number;

/** Attention of random scores, and the gradient of half its squared distance from random numbers. */
function both(attend: typeof byOperators, given: Tensor, absent: Tensor, gamma1: number) {
  const scores = given.clone();
  scores.requiresGrad = true;
  const attention = attend(scores, absent, gamma1);
  manualSeed(9);
  const loss = attention.sub(randn(attention.shape).to(attention.dtype)).square().sum();
  const [gradient] = grad([loss], [scores], { createGraph: true });
  const [second] = grad([gradient!.square().sum()], [scores], { retainGraph: true });
  const [first] = grad([loss], [scores]);
  return { attention, gradient: first!, second: second! };
}

const flags = (J: number, T: number, is: (k: number) => boolean) =>
  tensor(
    Array.from({ length: J * T }, (_, k) => is(k)),
    { dtype: "bool" },
  ).view(J, T);
const none = (J: number, T: number) => flags(J, T, () => false);
const last = (J: number, T: number) => flags(J, T, (k) => k % T > 0 && k % T >= T - (Math.floor(k / T) % T));

describe("wordAttention in float32 equals the formula in float64", () => {
  it.each([
    ["all words", [3, 7, 4, 18], none, 4, 1],
    ["some absent", [2, 9, 5, 6], last, 5, 3],
    ["one word, one region", [2, 1, 3, 1], none, 4, 1],
    ["scores whose exponential overflows", [2, 5, 3, 4], last, 4, 300],
    ["a γ1 that the fast loops do not support", [2, 5, 3, 4], last, 60, 1],
  ] as const)("%s", (_, shape, absences, gamma1, scale) => {
    manualSeed(3);
    const scores = randn(shape).mul(scale);
    const absent = absences(shape[2], shape[3]);
    const found = both(functional.wordAttention, scores, absent, gamma1);
    const expected = both(byOperators, scores.to("float64"), absent, gamma1);
    for (const key of ["attention", "gradient", "second"] as const) {
      const [ours, theirs] = [found[key].to("float64"), expected[key]];
      expect(largest(ours.sub(theirs)), key).toBeLessThanOrEqual(2e-5 * Math.max(1, largest(theirs)));
    }
  });
});

it("wordAttention accepts scores of any layout, and float64", () => {
  manualSeed(4);
  const scores = randn([6, 3, 5, 4]).transpose(0, 1);
  const absent = last(5, 4);
  const expected = byOperators(scores.to("float64"), absent, 4);
  expect(largest(functional.wordAttention(scores, absent, 4).to("float64").sub(expected))).toBeLessThan(1e-6);
  expect(largest(functional.wordAttention(scores.to("float64"), absent, 4).sub(expected))).toBe(0);
});

it("wordAttention refuses scores and absences that do not fit", () => {
  expect(() => functional.wordAttention(randn([2, 3, 4, 5]), none(4, 6), 4)).toThrow(/word_attention/);
  expect(() => functional.wordAttention(randn([2, 3]), none(4, 5), 4)).toThrow(/word_attention/);
});
