import { expect, it } from "vitest";
import { figureKinds, figureTitle, measurementPlace, metricNames } from "./figures.js";

it("names every metric with at least one figure, and the better direction in titles", () => {
  const used = new Set(Object.values(figureKinds).map(({ metric }) => metric));
  expect([...used]).toEqual(metricNames);
  expect(figureTitle("frechetDistance")).toBe("Fréchet distance ↓");
  expect(figureTitle("variety")).toBe("variety ↑");
  expect(figureTitle("sameCaptionRatio")).toBe("consistency: same caption, other ε");
});

it("shows a figure in a chart of its own, with the feature network in the legend, in the order of the figures", () => {
  const place = measurementPlace("damsm/frechetDistance")!;
  expect(place).toEqual({ chart: "Fréchet distance ↓", curve: "damsm", order: 1 });
  expect(measurementPlace("attributeClassifier/frechetDistance")).toEqual({
    ...place,
    curve: "attributeClassifier",
  });
  expect(measurementPlace("damsm/variety")!.order).toBeGreaterThan(place.order);
});

it("shows the discriminators' answers by stage, and their ratios together, after the figures", () => {
  const names = [
    "attributeClassifier/attributeAccuracy",
    "overfitting/stage2/ratio",
    "overfitting/stage1/train",
  ];
  const places = [...names, "overfitting/stage2/val"].map((name) => measurementPlace(name)!);
  expect(places.slice(1).map(({ chart, curve }) => [chart, curve])).toEqual([
    ["overfitting: ratio ↓", "stage 2"],
    ["D's logits, stage 1", "training images"],
    ["D's logits, stage 2", "validation images"],
  ]);
  const orders = places.map(({ order }) => order);
  expect(orders).toEqual(orders.toSorted((a, b) => a - b));
  expect(new Set(orders).size).toBe(4);
});

it("is undefined for losses", () => {
  for (const name of [
    "kl",
    "damsm/words",
    "discriminator/stage1/real",
    "generator/sum",
    "recall/mean",
    "words",
  ])
    expect(measurementPlace(name), name).toBeUndefined();
});
