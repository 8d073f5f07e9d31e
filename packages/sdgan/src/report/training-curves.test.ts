import { expect, it } from "vitest";
import { trainingCharts } from "./training-curves.js";

it("has the figures in their order, then the answers of D, then a chart per loss with a line per stage", () => {
  const charts = trainingCharts([
    { step: 10, "discriminator/stage1/real": 1, "discriminator/stage2/real": 2, "damsm/words": 8, kl: null },
    { step: 500, "damsm/variety": 0.7, "damsm/frechetDistance": 265 },
    {
      step: 500,
      "overfitting/stage1/train": 1,
      "overfitting/stage1/val": 0.5,
      "overfitting/stage1/ratio": 0.1,
    },
    { step: 1000, "attributeClassifier/frechetDistance": 31, "damsm/words": 7 },
  ]);
  expect(charts.map(({ title, lines }) => [title, lines.map(({ name }) => name)])).toEqual([
    ["Fréchet distance ↓", ["damsm", "attributeClassifier"]],
    ["variety ↑", ["damsm"]],
    ["overfitting: ratio ↓", ["stage 1"]],
    ["D's logits, stage 1", ["training images", "validation images"]],
    ["discriminator/real", ["stage1", "stage2"]],
    ["damsm/words", ["damsm/words"]],
    ["kl", ["kl"]],
  ]);
  expect(charts[5]!.lines[0]!.points).toEqual([
    { step: 10, value: 8 },
    { step: 1000, value: 7 },
  ]);
  expect(charts[6]!.lines[0]!.points).toEqual([]);
});
