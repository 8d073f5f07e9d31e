import { describe, expect, it } from "vitest";
import { logarithm, normalNoise, onCircle } from "./noise.js";
import { Random } from "./random.js";
import { digest } from "./testing/digest.js";

describe("noise", () => {
  // These must never change: a prompt, a seed and a model always give the same image, in Node and in browsers.
  it("has the recorded bits", () => {
    expect([...normalNoise(0, 1, 4)]).toEqual([
      -0.02899094857275486, -0.0697515606880188, 1.0189207792282104, 0.5071032047271729,
    ]);
    expect(digest(normalNoise(7, 3, 1000, "z"))).toBe("a742a7b6b7c92bb8");
    const [z, epsilon] = ["z", "epsilon"].map((label) =>
      Array.from({ length: 1000 }, (_, seed) => digest(normalNoise(seed, 1, 100, label))).join(""),
    );
    expect([digest(z!), digest(epsilon!)]).toEqual(["1d47786f90aae67f", "b934d55dc81fb3a2"]);
  });

  it("starts with the numbers of a smaller count", () => {
    const whole = normalNoise(5, 2, 101, "z");
    for (const count of [0, 1, 2, 99, 100])
      expect(normalNoise(5, 2, count, "z")).toEqual(whole.slice(0, count));
  });

  it("depends on the seed, the number and the label", () => {
    const digests = [
      ...[0, 1, 2, 10, 2 ** 31, 2 ** 32, 2 ** 52].map((seed) => normalNoise(seed, 1, 10, "z")),
      ...[0, 2, 3, 11].map((number) => normalNoise(0, number, 10, "z")),
      ...["epsilon", "noise"].map((label) => normalNoise(0, 1, 10, label)),
    ].map(digest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe("the distribution", () => {
  const N = 400_000;
  const sample = Float64Array.from(normalNoise(1, 1, N));
  const mean = (of: (x: number) => number) => sample.reduce((sum, x) => sum + of(x), 0) / N;

  // Bounds are five standard errors: √(Var / N).
  it.each([
    ["mean", 1, 0, 1],
    ["variance", 2, 1, 2],
    ["skewness", 3, 0, 15],
    ["kurtosis", 4, 3, 96],
    ["sixth moment", 6, 15, 10_170],
  ])("has the right %s", (_, power, expected, variance) => {
    expect(Math.abs(mean((x) => x ** power) - expected)).toBeLessThan(5 * Math.sqrt(variance / N));
  });

  it("is normal (Kolmogorov–Smirnov test)", () => {
    const sorted = sample.slice().sort();
    const distance = sorted.reduce(
      (most, x, i) => Math.max(most, Math.abs(cumulative(x) - i / N), Math.abs((i + 1) / N - cumulative(x))),
      0,
    );
    expect(distance * Math.sqrt(N)).toBeLessThan(1.95); // exceeded by one sample in a thousand
  });

  it.each([
    [3, 2.699796e-3],
    [4, 6.334248e-5],
    [4.5, 6.795346e-6],
  ])("has the right tails beyond %d σ", (limit, probability) => {
    const found = sample.reduce((count, x) => count + (Math.abs(x) > limit ? 1 : 0), 0);
    expect(Math.abs(found - N * probability)).toBeLessThan(5 * Math.sqrt(N * probability));
    expect(found).toBeGreaterThan(0);
  });

  it.each<[string, (i: number) => Float32Array]>([
    ["seeds", (i) => normalNoise(i, 1, 100, "z")],
    ["numbers", (i) => normalNoise(0, i, 100, "z")],
    ["labels", (i) => normalNoise(0, 1, 100, `label ${i}`)],
  ])("is independent between %s, at every place and between neighbours", (_, of) => {
    const count = 4000;
    const rows = Array.from({ length: count }, (_, i) => of(i));
    const places = rows[0]!.length;
    const sum = (at: (i: number) => number, length: number) =>
      Array.from({ length }, (_, i) => at(i)).reduce((a, b) => a + b, 0) / Math.sqrt(length);
    for (let place = 0; place < places; place++) {
      const x = (i: number) => rows[i]![place]!;
      // Each is standard normal if rows are independent, so all 300 are below 4.5.
      expect(Math.abs(sum(x, count))).toBeLessThan(4.5);
      expect(Math.abs(sum((i) => x(i) ** 2 - 1, count)) / Math.SQRT2).toBeLessThan(4.5);
      expect(Math.abs(sum((i) => x(i) * x(i + 1), count - 1))).toBeLessThan(4.5);
    }
    const pairs = (i: number) =>
      rows[i]!.reduce((total, x, place) => total + x * (rows[i]![place + 1] ?? 0), 0);
    expect(Math.abs(sum(pairs, count)) / Math.sqrt(places - 1)).toBeLessThan(4.5);
  });

  it("has z independent of ε", () => {
    const products = Array.from({ length: 4000 }, (_, seed) => {
      const [z, epsilon] = [normalNoise(seed, 1, 100, "z"), normalNoise(seed, 1, 100, "epsilon")];
      return z.reduce((sum, x, i) => sum + x * epsilon[i]!, 0) / 10;
    });
    expect(Math.abs(products.reduce((a, b) => a + b, 0)) / Math.sqrt(4000)).toBeLessThan(4.5);
  });
});

describe("its functions", () => {
  it("include the logarithm", () => {
    const random = new Random(0, "logarithm");
    const near = Array.from({ length: 50 }, (_, i) => 1 - 2 ** -(i + 1));
    const values = [
      1,
      Math.SQRT1_2,
      0.5,
      2 ** -53,
      ...near,
      ...Array.from({ length: 5000 }, () => random.uniform()),
    ];
    for (const x of values.filter((x) => x > 0)) {
      const exact = Math.log(x);
      expect(Math.abs(logarithm(x) - exact)).toBeLessThanOrEqual(1e-15 * Math.abs(exact));
    }
  });

  it("include cosine and sine, in every octant", () => {
    const random = new Random(0, "circle");
    const edges = Array.from({ length: 8 }, (_, octant) => octant * 2 ** 29);
    const values = [
      ...edges,
      ...edges.map((k) => (k + 2 ** 29 - 1) >>> 0),
      ...Array.from({ length: 5000 }, () => random.uint32()),
    ];
    for (const k of values) {
      const angle = (2 * Math.PI * (k + 0.5)) / 2 ** 32;
      const [cosine, sine] = onCircle(k);
      // The angle itself is rounded: up to 2π · 2⁻⁵³.
      expect(Math.abs(cosine - Math.cos(angle))).toBeLessThan(1.5e-15);
      expect(Math.abs(sine - Math.sin(angle))).toBeLessThan(1.5e-15);
    }
  });
});

/** Φ(x), to 1e-9: the series of the integral from 0; beyond 6 it is 0 or 1. */
function cumulative(x: number): number {
  if (Math.abs(x) > 6) return x < 0 ? 0 : 1;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-12; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
