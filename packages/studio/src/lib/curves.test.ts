import { expect, it } from "vitest";
import { parseMetrics } from "../engine/runs.js";
import { aligned, chartsOf } from "./curves.js";

const lossesOf = (row: Record<string, number>) => chartsOf([{ step: 1, ...row }]).losses;

it("makes curves by group: sums first, without what was not measured", () => {
  const rows = parseMetrics('{"step":10,"a/x":1,"kl":2}\n{"step":20,"a/x":3,"a/sum":9,"b/y":null}\n');
  const { losses } = chartsOf(rows);
  expect([...losses.keys()]).toEqual(["a (sum)", "a", "other"]);
  expect(losses.get("a")).toEqual([{ name: "a/x", steps: [10, 20], values: [1, 3] }]);
});

it("divides large groups by their second part", () => {
  const row = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`d/stage${(i % 2) + 1}/term${i}`, i]));
  expect([...lossesOf(row).keys()]).toEqual(["d/stage1", "d/stage2"]);
});

it("shows a curve alone beside which the others would look flat", () => {
  const losses = lossesOf({ "d/real": 1, "d/fake": 2, "d/gradientPenalty": 1400, "d/wrong": 0.5 });
  expect([...losses.keys()]).toEqual(["d", "d/gradientPenalty"]);
  expect(losses.get("d")!.map(({ name }) => name)).toEqual(["d/real", "d/fake", "d/wrong"]);
});

it("shows figures of evaluations apart from losses of the same network, in the order of the figures", () => {
  const { losses, measurements } = chartsOf([
    { step: 10, "damsm/words": 8 },
    { step: 500, "overfitting/stage1/train": 1, "overfitting/stage1/ratio": 0.2 },
    { step: 500, "damsm/variety": 0.7, "damsm/frechetDistance": 265 },
    { step: 1000, "attributeClassifier/frechetDistance": 31, "damsm/words": 7 },
  ]);
  expect([...losses]).toEqual([["damsm", [{ name: "damsm/words", steps: [10, 1000], values: [8, 7] }]]]);
  expect([...measurements]).toEqual([
    [
      "Fréchet distance ↓",
      [
        { name: "damsm", steps: [500], values: [265] },
        { name: "attributeClassifier", steps: [1000], values: [31] },
      ],
    ],
    ["variety ↑", [{ name: "damsm", steps: [500], values: [0.7] }]],
    ["overfitting: ratio ↓", [{ name: "stage 1", steps: [500], values: [0.2] }]],
    ["D's logits, stage 1", [{ name: "training images", steps: [500], values: [1] }]],
  ]);
});

it("aligns curves on their common steps", () => {
  const curve = (steps: number[]) => ({ name: "x", steps, values: steps.map((step) => step / 10) });
  expect(aligned([curve([10, 30]), curve([20, 30])])).toEqual([
    [10, 20, 30],
    [1, null, 3],
    [null, 2, 3],
  ]);
});
