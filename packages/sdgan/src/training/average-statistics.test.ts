import { manualSeed, nn, noGrad, randn, scope, type Tensor } from "@sdgan/torch";
import { beforeEach, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { randomText } from "../testing/text.js";
import { MovingAverage } from "./average.js";
import { forwardRandomly, recomputeStatistics } from "./average-statistics.js";
import { makeGanTrainer } from "./make-gan-trainer.js";

beforeEach(() => manualSeed(4));

it("running statistics become the means over the batches, and nothing else changes", () => {
  const layer = new nn.BatchNorm(3);
  for (let i = 0; i < 5; i++) layer.forward(randn([8, 3]).mul(9).add(5));
  layer.eval();
  const batches = [1, 2, 3].map((scale) => randn([6, 3]).mul(scale).add(scale));
  const weight = layer.weight.toNumbers();
  recomputeStatistics(layer, batches.length, (batch) => layer.forward(batches[batch]!));
  const meanOver = (of: (batch: Tensor) => number[]) =>
    [0, 1, 2].map((c) => batches.reduce((sum, one) => sum + of(one)[c]! / batches.length, 0));
  const mean = (one: Tensor) => one.mean(0).toNumbers();
  const variance = (one: Tensor) => one.sub(one.mean(0)).square().sum(0).div(5).toNumbers();
  for (const [c, value] of meanOver(mean).entries())
    expect(layer.runningMean.toNumbers()[c]).toBeCloseTo(value, 5);
  for (const [c, value] of meanOver(variance).entries())
    expect(layer.runningVar.toNumbers()[c]).toBeCloseTo(value, 4);
  expect(layer.batchesTracked.item()).toBe(3);
  expect([layer.training, layer.momentum]).toEqual([false, 0.1]);
  expect(layer.weight.toNumbers()).toEqual(weight);
});

it("the averaged generator in evaluation then normalizes as by the statistics of its own batches", () => {
  const config = loadConfig("birds-64", [
    ...["text.width=8", "generator.firstSize=8", "generator.stages=2", "generator.width=4"],
    ...["generator.noise=8", "generator.condition=8", "discriminator.width=4", "training.precision=float32"],
  ]);
  const { generator, average } = makeGanTrainer(config).options;
  const compute = { device: "cpu", dtype: "float32" } as const;
  // The weights that are averaged lie far apart, as they do early in training.
  for (const scale of [3, 0.5]) {
    scope(() => {
      for (const parameter of generator.parameters())
        if (parameter.dim > 1) noGrad(() => parameter.mul_(scale));
      forwardRandomly(generator, randomText(new Array<number>(16).fill(3), 8), compute);
    });
    new MovingAverage(average, generator).update(0.5, 1000);
  }
  const text = randomText(new Array<number>(64).fill(3), 8);
  const [noise, epsilon] = [randn([64, 8]), randn([64, 8])];
  const images = () => scope(() => average.forward(noise, text, epsilon).images.at(-1)!.toNumbers());
  const averaged = images();
  recomputeStatistics(average, 1, () => average.forward(noise, text, epsilon));
  const recomputed = images();
  for (const module of average.modules()) module.training = true;
  const ofBatch = images();
  const error = (values: number[]) =>
    Math.sqrt(values.reduce((sum, value, i) => sum + (value - ofBatch[i]!) ** 2, 0) / values.length);
  expect(error(recomputed)).toBeLessThan(0.1 * error(averaged));
});
