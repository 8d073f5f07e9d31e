/** What the networks see of augmented images, and that the generator's gradients pass through the augmentation. */
import { cat, grad, manualSeed, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { generatorTerms } from "../losses/adversarial.js";
import { klLoss } from "../losses/kl.js";
import { weightedSum } from "../losses/terms.js";
import { Discriminator } from "../models/discriminator.js";
import { numbersOf, tinyBatch, tinyTrainer } from "../testing/tiny-trainer.js";
import { augment } from "./augment.js";

beforeEach(() => manualSeed(3));

const augmentation = {
  ...{ policy: ["color", "translation", "cutout"] as const, padding: 1, probability: 0.7 },
  ...{ target: 0, images: 1 },
};
const seed = 11;

function expectNear(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(error / scale).toBeLessThan(1e-9);
}

describe("augmentation", () => {
  it("is of what every discriminator sees, in both phases, and of nothing else", () => {
    const damsmImages: number[][] = [];
    const losses = (image: Tensor) => {
      damsmImages.push(image.toNumbers());
      return { words: image.square().mean(), sentence: image.abs().mean() };
    };
    const { batch, noise } = tinyBatch();
    const { trainer, generator, discriminators } = tinyTrainer({
      augmentation,
      damsm: { weight: 1, losses },
    });
    const { images } = generator.forward(noise.noise, batch.text, noise.epsilon);
    const seen: number[][] = [];
    for (const network of discriminators)
      vi.spyOn(network, "forward").mockImplementation((image, batches) => {
        seen.push(image.toNumbers());
        return Discriminator.prototype.forward.call(network, image, batches);
      });
    manualSeed(seed);
    trainer.step(batch, noise);
    // The same random numbers in the same order: the last stage first.
    manualSeed(seed);
    const real = batch.real.toReversed();
    const expected = [
      ...images.toReversed().map((image, i) => augment(cat([real[i]!, image]), augmentation, 0.7)),
      ...images.toReversed().map((image) => augment(image, augmentation, 0.7)),
    ].map((image) => image.toNumbers());
    expect(seen).toHaveLength(4);
    for (const [i, one] of seen.entries()) expectNear(one, expected[i]!);
    expect(seen[0]!.slice(0, 100)).not.toEqual(real[0]!.toNumbers().slice(0, 100));
    expectNear(damsmImages[0]!, images.at(-1)!.toNumbers());
  });

  it("is passed by the generator's gradients", () => {
    const { batch, noise } = tinyBatch();
    const { same: _, ...single } = batch;
    const { trainer, generator, discriminators, gradients } = tinyTrainer({ augmentation });
    const { images, mean, logVariance } = generator.forward(noise.noise, batch.text, noise.epsilon);
    manualSeed(seed);
    const lastFirst = [...images.entries()].reverse();
    for (const [i, image] of lastFirst) augment(cat([batch.real[i]!, image.detach()]), augmentation, 0.7);
    const terms = lastFirst.flatMap(([i, image]) => {
      const network = discriminators[i]!;
      const features = network.forward(augment(image, augmentation, 0.7));
      const conditional = network.conditional(features, batch.text.sentence);
      return generatorTerms({ conditional, unconditional: network.unconditional(features) });
    });
    const loss = weightedSum([...terms, { name: "kl", value: klLoss(mean, logVariance), weight: 1 }]);
    const expected = numbersOf(grad([loss], generator.parameters()));
    manualSeed(seed);
    trainer.step(single, noise);
    expectNear(gradients.get("generator")!, expected);
  });

  it("is none by default, and uses no random numbers then", () => {
    const { batch, noise } = tinyBatch();
    const gradients = (options: Parameters<typeof tinyTrainer>[0]) => {
      manualSeed(seed);
      const made = tinyTrainer(options);
      made.trainer.step(batch, noise);
      return [...made.gradients.values()];
    };
    const off = { ...augmentation, policy: [], target: 0.6 };
    expect(gradients({ augmentation: off })).toEqual(gradients({}));
    expect(gradients({ augmentation })).not.toEqual(gradients({}));
  });
});

describe("an adaptive probability", () => {
  it("follows the unconditional logits of real images, and is logged", () => {
    const { batch, noise } = tinyBatch();
    const { trainer, discriminators } = tinyTrainer({
      augmentation: { ...augmentation, target: 0.5, images: 64 },
    });
    // The first discriminator is certain that everything is real, the second that nothing is.
    for (const [i, sign] of [1, -1].entries()) {
      const { bias } = discriminators[i]!.unconditionalHead;
      bias!.requiresGrad = false;
      bias!.add_(100 * sign);
    }
    const steps = Array.from({ length: 5 }, () => trainer.step(batch, noise).statistics);
    const value = (name: string) => steps.map((one) => one[name]!.item());
    expect(value("augment/stage1/sign")).toEqual([1, 1, 1, 1, 1]);
    expect(value("augment/stage1/probability")).toEqual([0, 0, 0, 0, 0.25]);
    expect(value("augment/stage2/sign")).toEqual([-1, -1, -1, -1, -1]);
    expect(value("augment/stage2/probability")).toEqual([0, 0, 0, 0, 0]);
  });
});
