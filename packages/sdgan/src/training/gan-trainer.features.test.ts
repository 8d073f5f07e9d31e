/** Discriminators on the features of DAMSM's image encoder, in training. */
import { grad, manualSeed, randn, tensor } from "@sdgan/torch";
import { beforeEach, expect, it } from "vitest";
import { makeDamsm } from "../artifacts/damsm.js";
import { loadConfig } from "../config/load.js";
import { FeatureDiscriminator } from "../models/feature-discriminator.js";
import { randomText } from "../testing/text.js";
import { numbersOf } from "../testing/tiny-trainer.js";
import { makeGanTrainer } from "./make-gan-trainer.js";

const config = loadConfig("birds-64", [
  ...["text.width=8", "generator.firstSize=8", "generator.stages=2", "generator.width=4", "damsm.width=2"],
  ...["generator.noise=8", "generator.condition=8", "discriminator.width=2", "damsm.imageSize=16"],
  ...["training.precision=float32", "discriminator.features=damsm", "augment.policy=[translation,cutout]"],
  ...["penalty.kind=r1", "penalty.every=1", "penalty.weight=3"],
]);

beforeEach(() => manualSeed(3));

const frozenEncoder = () => makeDamsm(config, 9).image.requiresGrad(false).eval();

it("every stage is trained through the encoder, which stays as it is, with pairs, augmentation and penalty", () => {
  const encoder = frozenEncoder();
  const before = numbersOf([...encoder.stateDict().values()]);
  const trainer = makeGanTrainer(config, { encoder });
  const { discriminators, generator } = trainer.options;
  expect(discriminators.every((network) => network instanceof FeatureDiscriminator)).toBe(true);
  const weights = () => [generator, ...discriminators].map((network) => numbersOf(network.parameters()));
  const atFirst = weights();
  const { losses } = trainer.step({
    real: [8, 16].map((size) => randn([4, 3, size, size]).tanh()),
    text: randomText([3, 1, 4, 2], 8),
    same: tensor([1, 0]),
  });
  for (const stage of ["stage1", "stage2"]) {
    expect(losses[`discriminator/${stage}/penalty`]!.item()).toBeGreaterThan(0);
    expect(losses[`contrastive/${stage}`]!.item()).toBeGreaterThan(0);
  }
  for (const [i, own] of weights().entries()) expect(own).not.toEqual(atFirst[i]);
  expect(numbersOf([...encoder.stateDict().values()])).toEqual(before);
});

it("images of every stage are resized to the encoder's size, and have gradients", () => {
  const encoder = frozenEncoder();
  const seen: number[][] = [];
  const maps = encoder.maps.bind(encoder);
  encoder.maps = (image) => {
    seen.push([...image.shape]);
    return maps(image);
  };
  const { discriminators } = makeGanTrainer(config, { encoder }).options;
  for (const [i, size] of [8, 16].entries()) {
    const image = randn([2, 3, size, size]);
    image.requiresGrad = true;
    const features = discriminators[i]!.forward(image);
    const [gradient] = grad([discriminators[i]!.unconditional(features).sum()], [image]);
    expect(gradient!.abs().sum().item()).toBeGreaterThan(0);
  }
  expect(seen).toEqual([
    [2, 3, 16, 16],
    [2, 3, 16, 16],
  ]);
});

it("needs the encoder", () => {
  expect(() => makeGanTrainer(config)).toThrow(/features=damsm needs DAMSM's image encoder/);
});
