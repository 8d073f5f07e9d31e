import { Random } from "@sdgan/core";
import { manualSeed, randn, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { classRatio, semanticConsistency } from "./consistency.js";
import { semanticDiversity } from "./diversity.js";
import { rPrecision } from "./r-precision.js";

const [N, D] = [2000, 16];
const features = () => randn([N, D], { dtype: "float64" });
const random = () => new Random(1, "test");
const ownClasses = Array.from({ length: N }, (_, i) => i);

beforeEach(() => manualSeed(4));

describe("R-precision", () => {
  it("is 1 if features of images and captions have the same direction, whatever their lengths", () => {
    const sentences = features();
    expect(rPrecision(sentences.mul(3), sentences, ownClasses, { random: random() })).toEqual({
      mean: 1,
      deviation: 0,
    });
  });

  it("is 1 % within its standard error for swapped captions", () => {
    const sentences = features();
    const swapped = sentences.indexSelect(0, tensor(random().shuffled(ownClasses), { dtype: "int64" }));
    const { mean, deviation } = rPrecision(swapped, sentences, ownClasses, { random: random() });
    expect(Math.abs(mean - 0.01)).toBeLessThan(4 * Math.sqrt((0.01 * 0.99) / N));
    expect(deviation).toBeGreaterThan(0);
  });

  it("falls with noise, and does not compare with captions of the image's own class", () => {
    const sentences = features();
    const score = (noise: number) =>
      rPrecision(sentences.add(features().mul(noise)), sentences, ownClasses, { random: random() }).mean;
    expect(score(0.5)).toBeGreaterThan(score(1.5));
    // Two images per class with equal captions: they are not compared with each other.
    const pairs = sentences.narrow(0, 0, N / 2).repeat(2, 1);
    const classes = ownClasses.map((i) => i % (N / 2));
    expect(rPrecision(pairs, pairs, classes, { random: random() }).mean).toBe(1);
  });

  it("refuses data with too few captions of other classes", () => {
    const few = features().narrow(0, 0, 60);
    expect(() => rPrecision(few, few, ownClasses.slice(0, 60), { random: random() })).toThrow(
      /99 captions of other classes are needed, and class 0 has 59/,
    );
  });
});

describe("semantic consistency", () => {
  it("is ratio 0 and retrieval 1 for equal images, ratio 1 and chance for unrelated images", () => {
    const first = features();
    expect(semanticConsistency(first, first, { random: random() })).toEqual({ ratio: 0, retrieval: 1 });
    const { ratio, retrieval } = semanticConsistency(first, features(), { random: random() });
    expect(ratio).toBeCloseTo(1, 1);
    expect(Math.abs(retrieval - 0.01)).toBeLessThan(4 * Math.sqrt((0.01 * 0.99) / N));
  });

  it("gets worse with the distance between images of captions of one image", () => {
    const first = features();
    const results = [0.2, 0.6, 1.5].map((noise) =>
      semanticConsistency(first, first.add(features().mul(noise)), { random: random() }),
    );
    const ratios = results.map(({ ratio }) => ratio);
    const retrievals = results.map(({ retrieval }) => retrieval);
    expect(ratios).toEqual([...ratios].sort((a, b) => a - b));
    expect(retrievals).toEqual([...retrievals].sort((a, b) => b - a));
  });

  it("is at chance if all captions give the same image", () => {
    const one = randn([1, D], { dtype: "float64" }).expand(N, -1);
    expect(semanticConsistency(one, one, { random: random() })).toEqual({ ratio: 1, retrieval: 0 });
  });

  it("compares within groups: what all images of a group have in common has no effect", () => {
    const groups = new Array<number>(N / 100).fill(100);
    const common = randn([N / 100, 1, D], { dtype: "float64" })
      .mul(20)
      .expand(-1, 100, -1);
    const [first, second] = [features(), features()].map((one) => one.add(common.reshape(N, D)));
    const { ratio, retrieval } = semanticConsistency(first!, second!, { random: random(), groups });
    expect(ratio).toBeCloseTo(1, 1);
    expect(Math.abs(retrieval - 0.01)).toBeLessThan(4 * Math.sqrt((0.01 * 0.99) / N));
  });

  it("refuses fewer images than candidates", () => {
    const few = features().narrow(0, 0, 50);
    expect(() => semanticConsistency(few, few, { random: random() })).toThrow(
      /100 images are needed, found 50/,
    );
  });
});

describe("class ratio", () => {
  it("equals a computation with loops", () => {
    const classes = [0, 1, 0, 2, 1, 1];
    const few = randn([6, D], { dtype: "float64" });
    const rows = classes.map((_, i) => few.select(0, i).toNumbers());
    const distances = { own: [] as number[], others: [] as number[] };
    for (const [i, a] of rows.entries())
      for (const [j, b] of rows.entries())
        if (i !== j)
          distances[classes[i] === classes[j] ? "own" : "others"].push(
            Math.hypot(...a.map((x, d) => x - b[d]!)),
          );
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(classRatio(few, classes)).toBeCloseTo(mean(distances.own) / mean(distances.others), 6);
  });

  it("is absent without two images of a class, and without two classes", () => {
    const few = randn([4, D], { dtype: "float64" });
    expect(classRatio(few, [0, 1, 2, 3])).toBeUndefined();
    expect(classRatio(few, [1, 1, 1, 1])).toBeUndefined();
  });
});

describe("semantic diversity", () => {
  it("is 1 if partners are as far apart as any images, and approaches 0 with collapse", () => {
    const first = features();
    expect(semanticDiversity(first, features(), first)).toBeCloseTo(1, 1);
    const [larger, smaller] = [0.3, 0.03].map((noise) =>
      semanticDiversity(first, first.add(features().mul(noise)), first),
    );
    expect(larger! / smaller!).toBeCloseTo(10, 0);
    expect(semanticDiversity(first, first, first)).toBe(0);
  });
});
