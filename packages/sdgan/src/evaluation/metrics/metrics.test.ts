import { Random } from "@sdgan/core";
import { cat, eye, full, manualSeed, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { frechetDistance } from "./frechet-distance.js";
import { inceptionScore } from "./inception-score.js";
import { kernelDistance } from "./kernel-distance.js";
import { precisionRecall } from "./precision-recall.js";

const [N, D] = [600, 8];
const features = (count = N) => randn([count, D], { dtype: "float64" });
const random = () => new Random(1, "test");
/** Features close to three of `all`. */
const collapsed = (all: Tensor) =>
  all
    .narrow(0, 0, 3)
    .repeat(N / 3, 1)
    .add(features().mul(1e-3));

beforeEach(() => manualSeed(3));

describe("Fréchet distance", () => {
  it("equals the formula for Gaussians with different means and with different deviations", () => {
    const all = features(50_000);
    expect(frechetDistance(all, all.add(2))).toBeCloseTo(4 * D, 9);
    // tr(Σ + 9 Σ − 2 · 3 Σ) = 4 tr Σ, and the means are a little off 0.
    const trace =
      all
        .sub(all.mean([0]))
        .square()
        .sum()
        .item() /
      (50_000 - 1);
    const mean = all.mean([0]).square().sum().item();
    expect(frechetDistance(all, all.mul(3))).toBeCloseTo(4 * trace + 4 * mean, 9);
  });

  it("increases with noise and with collapse, and is 0 for the same set", () => {
    const real = features();
    const noisy = [0.5, 1, 2].map((noise) => frechetDistance(real, features().add(features().mul(noise))));
    expect(noisy).toEqual([...noisy].sort((a, b) => a - b));
    expect(frechetDistance(real, collapsed(real))).toBeGreaterThan(10 * frechetDistance(real, features()));
    expect(Math.abs(frechetDistance(real, real))).toBeLessThan(1e-6);
  });

  it("is the same for fewer images than features, computed from the images, as for more", () => {
    const [real, generated] = [features(40), features(30).mul(2).add(0.5)];
    // Constant features change no distance, but there are more features than images with them.
    const wider = (x: Tensor) => cat([x, full([x.size(0), 60], 3, { dtype: "float64" })], 1);
    const distance = frechetDistance(real, generated);
    expect(distance).toBeGreaterThan(5);
    expect(frechetDistance(wider(real), wider(generated))).toBeCloseTo(distance, 9);
  });

  it("is stable for singular covariances: fewer images than features, and constant features", () => {
    const few = randn([20, 64], { dtype: "float64" });
    expect(Math.abs(frechetDistance(few, few))).toBeLessThan(1e-6);
    expect(frechetDistance(few, few.add(1))).toBeCloseTo(64, 6);
    const constant = cat([few.narrow(1, 0, 32), full([20, 32], 1, { dtype: "float64" })], 1);
    expect(Math.abs(frechetDistance(constant, constant))).toBeLessThan(1e-6);
  });

  it("refuses a single image", () => {
    expect(() => frechetDistance(features(1), features())).toThrow(/at least 2 images are needed, found 1/);
  });
});

describe("kernel distance", () => {
  it("is about 0 for one distribution, without bias for small subsets", () => {
    const { mean, deviation } = kernelDistance(features(2000), features(2000), {
      random: random(),
      subsetSize: 50,
    });
    expect(Math.abs(mean)).toBeLessThan(deviation);
  });

  it("equals a computation with loops", () => {
    const [a, b] = [features(5), features(5).add(1)];
    const [x, y] = [a, b].map((one) => Array.from({ length: 5 }, (_, i) => one.select(0, i).toNumbers()));
    const k = (p: number[], q: number[]) => (p.reduce((sum, v, i) => sum + v * q[i]!, 0) / D + 1) ** 3;
    let expected = 0;
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) {
        if (i !== j) expected += (k(x![i]!, x![j]!) + k(y![i]!, y![j]!)) / 20;
        expected -= (2 * k(x![i]!, y![j]!)) / 25;
      }
    }
    expect(kernelDistance(a, b, { random: random(), subsets: 2 }).mean).toBeCloseTo(expected, 9);
  });

  it("increases with noise and with collapse", () => {
    const real = features();
    const distance = (generated: Tensor) =>
      kernelDistance(real, generated, { random: random(), subsets: 10 }).mean;
    expect(distance(features().mul(1.5))).toBeGreaterThan(distance(features().mul(1.1)));
    expect(distance(collapsed(real))).toBeGreaterThan(10 * Math.abs(distance(features())));
  });
});

describe("precision and recall", () => {
  it("are 1 for the same images, 0 for distant images", () => {
    const real = features();
    expect(precisionRecall(real, real)).toEqual({ precision: 1, recall: 1 });
    expect(precisionRecall(real, features().add(100))).toEqual({ precision: 0, recall: 0 });
  });

  it("separate fidelity and variety: collapse lowers recall, noise lowers precision", () => {
    const real = features();
    const few = precisionRecall(real, collapsed(real));
    expect(few.precision).toBe(1);
    expect(few.recall).toBeLessThan(0.05);
    const noisy = precisionRecall(real, features().mul(3));
    expect(noisy.precision).toBeLessThan(0.3);
    expect(noisy.recall).toBeGreaterThan(0.9);
  });

  it("refuse fewer than k + 1 images", () => {
    expect(() => precisionRecall(features(3), features())).toThrow(/more than 3 images are needed, found 3/);
  });
});

describe("Inception Score", () => {
  it("equals the number of classes for certain predictions, and 1 for uniform ones", () => {
    const certain = eye(5, { dtype: "float64" }).repeat(20, 1);
    expect(inceptionScore(certain, 10).mean).toBeCloseTo(5, 12);
    expect(inceptionScore(full([100, 5], 0.2), 10).mean).toBeCloseTo(1, 6);
  });

  it("is the geometric mean over the heads of a network", () => {
    const [five, two] = [5, 2].map((classes) => eye(classes, { dtype: "float64" }).repeat(100 / classes, 1));
    expect(inceptionScore([five!, two!], 10).mean).toBeCloseTo(Math.sqrt(10), 12);
  });

  it("decreases with collapse and with less certain predictions", () => {
    const sharp = randn([500, 5], { dtype: "float64" }).mul(4).softmax(1);
    const blurred = sharp.add(0.2).div(2);
    expect(inceptionScore(blurred, 5).mean).toBeLessThan(inceptionScore(sharp, 5).mean);
    expect(inceptionScore(sharp.narrow(0, 0, 2).repeat(250, 1), 5).mean).toBeLessThan(2.1);
  });

  it("refuses fewer images than splits", () => {
    expect(() => inceptionScore(full([5, 2], 0.5), 10)).toThrow(/5 images cannot be divided into 10 splits/);
  });
});
