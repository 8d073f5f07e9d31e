/** The gradient penalty as a term of L_D: when, with which weight, and of which images. */
import { grad, manualSeed, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { gradientPenalty } from "../losses/penalty.js";
import { numbersOf, tinyBatch, tinyTrainer } from "../testing/tiny-trainer.js";

beforeEach(() => manualSeed(3));

const seed = 5;
const phase = "discriminator/stage2";

describe.each(["r1", "matchingAware"] as const)("the penalty %s", (kind) => {
  const penalty = { kind, weight: 0.7, power: 4, every: 3 };

  it("adds its gradient times weight · n in every n-th step, and is logged then", () => {
    const { batch, noise } = tinyBatch();
    const run = (options: Parameters<typeof tinyTrainer>[0]) => {
      manualSeed(seed);
      const made = tinyTrainer({ learningRate: { generator: 0, discriminator: 0 }, ...options });
      const steps = [1, 2, 3].map(() => {
        const { losses } = made.trainer.step(batch, noise);
        return { losses, gradient: made.gradients.get(phase)! };
      });
      return { ...made, steps };
    };
    const [without, penalized] = [run({}), run({ penalty })];
    const network = penalized.discriminators[1]!;
    const logitsOf = (image: Tensor, sentence: Tensor) => {
      const features = network.forward(image);
      const unconditional = network.unconditional(features);
      return { unconditional, conditional: network.conditional(features, sentence) };
    };
    const value = gradientPenalty(logitsOf, batch.real[1]!, batch.text.sentence, penalty);
    const trained = [...network.namedParameters()].map(([name, own]) => ({ name, own }));
    const touched = trained.filter(
      ({ name }) => !/Head\.bias$/.test(name) && (kind === "r1" || !/^un/.test(name)),
    );
    network.requiresGrad(true);
    const again = gradientPenalty(logitsOf, batch.real[1]!, batch.text.sentence, penalty);
    const own = grad([again], touched.map(({ own: one }) => one)); // biome-ignore format: one line
    const expected = numbersOf(
      trained.map(({ own: parameter, name }) => {
        const i = touched.findIndex((one) => one.name === name);
        return i < 0 ? parameter.mul(0) : own[i]!.mul(0.7 * 3);
      }),
    );
    for (const [i, { losses, gradient }] of penalized.steps.entries()) {
      const added = gradient.map((one, j) => one - without.steps[i]!.gradient[j]!);
      const scale = Math.max(...expected.map(Math.abs));
      const wanted = i === 2 ? expected : expected.map(() => 0);
      const error = Math.max(...added.map((one, j) => Math.abs(one - wanted[j]!)));
      expect(error / scale).toBeLessThan(1e-9);
      expect(Object.keys(losses).filter((name) => name.endsWith("/penalty"))).toEqual(
        i === 2 ? ["discriminator/stage1/penalty", "discriminator/stage2/penalty"] : [],
      );
    }
    const { losses } = penalized.steps[2]!;
    expect(losses[`${phase}/penalty`]!.item()).toBeCloseTo(value.item(), 9);
    const difference = losses[`${phase}/sum`]!.item() - without.steps[2]!.losses[`${phase}/sum`]!.item();
    expect(difference).toBeCloseTo(0.7 * 3 * value.item(), 9);
  });

  it("is of the images as the discriminator sees them", () => {
    const { batch, noise } = tinyBatch();
    const valueWith = (policy: ["cutout"] | []) => {
      manualSeed(seed);
      const augmentation = { policy, padding: 0, probability: 1, target: 0, images: 1 };
      const { trainer } = tinyTrainer({ penalty: { ...penalty, every: 1 }, augmentation });
      return trainer.step(batch, noise).losses[`${phase}/penalty`]!.item();
    };
    expect(valueWith([])).toBe(valueWith([]));
    expect(valueWith(["cutout"])).not.toBe(valueWith([]));
  });

  it("is computed in float32 in a bfloat16 step", () => {
    const { batch, noise } = tinyBatch();
    const step = (dtype: "float32" | "bfloat16") => {
      manualSeed(seed);
      const { trainer, generator, discriminators } = tinyTrainer({ penalty: { ...penalty, every: 1 } });
      for (const network of [generator, trainer.options.average, ...discriminators])
        network.to({ dtype: "float32", memoryFormat: "channels_last" });
      const trainerOf32 = tinyTrainer({ ...trainer.options }).trainer;
      const real = batch.real.map((image) =>
        image.to("bfloat16").to({ dtype, memoryFormat: "channels_last" }),
      );
      const text = Object.fromEntries(
        Object.entries(batch.text).map(([name, one]) => [name, name === "mask" ? one : one.to("float32")]),
      ) as typeof batch.text;
      const given = { noise: noise.noise.to("float32"), epsilon: noise.epsilon.to("float32") };
      const { losses } = trainerOf32.step({ real, text, same: batch.same.to("float32") }, given);
      return losses;
    };
    const [exact, rough] = [step("float32"), step("bfloat16")];
    // Real images are the same in both, so the penalty is too; other terms are rounded.
    expect(rough[`${phase}/penalty`]!.item()).toBe(exact[`${phase}/penalty`]!.item());
    expect(rough[`${phase}/fake`]!.item()).not.toBe(exact[`${phase}/fake`]!.item());
  });
});
