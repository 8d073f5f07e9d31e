/** The hinge loss and decaying learning rates in a step. */
import { manualSeed, type Tensor } from "@sdgan/torch";
import { beforeEach, expect, it } from "vitest";
import { numbersOf, tinyBatch, tinyTrainer } from "../testing/tiny-trainer.js";

beforeEach(() => manualSeed(3));

it("a step with the hinge loss has its terms in both phases", () => {
  const { batch, noise } = tinyBatch();
  const { same: _, ...single } = batch;
  const { trainer, generator, discriminators } = tinyTrainer({ adversarialLoss: "hinge" });
  const network = discriminators[0]!;
  const { sentence } = batch.text;
  const [real, fake] = [
    network.forward(batch.real[0]!),
    network.forward(generator.forward(noise.noise, batch.text, noise.epsilon).images[0]!),
  ];
  const below = (logits: Tensor) => logits.neg().add(1).clamp(0).mean().item();
  const above = (logits: Tensor) => logits.add(1).clamp(0).mean().item();
  const expected = {
    real: below(network.unconditional(real)),
    realConditional: below(network.conditional(real, sentence)),
    fake: above(network.unconditional(fake)),
    fakeConditional: above(network.conditional(fake, sentence)),
    wrong: above(network.conditional(real.narrow(0, 0, 3), sentence.narrow(0, 1, 3))),
  };
  const deceived = -network.unconditional(fake).mean().item();
  const { losses } = trainer.step(single, noise);
  const value = (name: string) => losses[name]!.item();
  for (const [name, own] of Object.entries(expected))
    expect(value(`discriminator/stage1/${name}`), name).toBeCloseTo(own, 9);
  const { real: r, realConditional, fake: f, fakeConditional, wrong } = expected;
  expect(value("discriminator/stage1/sum")).toBeCloseTo(
    r + realConditional + f + (fakeConditional + wrong) / 2,
    9,
  );
  expect(value("generator/stage1/fake")).toBeCloseTo(deceived, 9);
});

it("learning rates follow the factor of the steps taken, of every network", () => {
  const { batch, noise } = tinyBatch();
  const { trainer, generator, discriminators } = tinyTrainer({
    learningRate: { generator: 1e-3, discriminator: 4e-3 },
    learningRateFactor: (steps) => [1, 0.5, 0][steps]!,
  });
  const weights = () => [generator, ...discriminators].map((network) => numbersOf(network.parameters()));
  const rates = [1, 2, 3].map(() => {
    const before = weights();
    trainer.step(batch, noise);
    const moved = weights().map((now, i) => now.some((value, j) => value !== before[i]![j]));
    const optimizers = [trainer.generatorOptimizer, ...trainer.discriminatorOptimizers];
    return { rates: optimizers.map(({ learningRate }) => learningRate), moved };
  });
  expect(rates).toEqual([
    { rates: [1e-3, 4e-3, 4e-3], moved: [true, true, true] },
    { rates: [5e-4, 2e-3, 2e-3], moved: [true, true, true] },
    { rates: [0, 0, 0], moved: [false, false, false] },
  ]);
});
