/** Every step: which networks its phases change, the average, memory, and bfloat16. */
import { type DType, manualSeed, memoryInUse, scope, setThreads, threads } from "@sdgan/torch";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bytes,
  contrastive,
  damsm,
  makeTrainer,
  moved,
  numbers,
  pairs,
  samples,
} from "../testing/gan-steps.js";
import { tinyBatch, tinyTrainer } from "../testing/tiny-trainer.js";

beforeEach(() => manualSeed(1));

describe("a step's two phases", () => {
  it("change every parameter", () => {
    const trainer = makeTrainer();
    const { generator, discriminators } = trainer.options;
    const before = [generator, ...discriminators].map(bytes);
    // SCBN's hidden layers get gradients once the last layers are no longer zero.
    for (let step = 0; step < 2; step++) trainer.step(pairs());
    for (const [i, network] of [generator, ...discriminators].entries())
      expect(moved(network, before[i]!).every(Boolean)).toBe(true);
  });

  it.each([
    { phase: "discriminators'", rates: { generator: 0, discriminator: 1e-3 } },
    { phase: "generator's", rates: { generator: 1e-3, discriminator: 0 } },
  ])("each move their own networks only: the $phase", ({ rates }) => {
    const trainer = makeTrainer({ learningRate: rates });
    const { generator, discriminators } = trainer.options;
    const before = [generator, ...discriminators].map(bytes);
    trainer.step(pairs());
    expect(moved(generator, before[0]!).some(Boolean)).toBe(rates.generator > 0);
    for (const [i, discriminator] of discriminators.entries())
      expect(moved(discriminator, before[i + 1]!).some(Boolean)).toBe(rates.discriminator > 0);
  });

  it("leave no gradients behind", () => {
    const trainer = makeTrainer();
    trainer.step(pairs());
    const { generator, average, discriminators } = trainer.options;
    for (const network of [generator, average, ...discriminators])
      expect(network.parameters().every((parameter) => parameter.grad === null)).toBe(true);
  });
});

describe("a step with two threads", () => {
  const own = threads();
  afterEach(() => setThreads(own));

  it("computes what a step with one thread computes", () => {
    const [one, two] = [1, 2].map((count) => {
      setThreads(1); // The first weights differ by rounding with other threads.
      manualSeed(1);
      const { trainer, gradients } = tinyTrainer({
        damsm,
        contrastive,
        gradientsEvery: 1,
        learningRate: { generator: 1e-3, discriminator: 1e-3 },
      });
      const { batch, noise } = tinyBatch();
      setThreads(count);
      const { losses, statistics } = trainer.step(batch, noise);
      return { ...numbers({ ...losses, ...statistics }), ...Object.fromEntries(gradients) };
    }) as [Record<string, number | number[]>, Record<string, number | number[]>];
    expect(Object.keys(two)).toEqual(Object.keys(one));
    for (const [name, values] of Object.entries(one)) {
      const others = [two[name]!].flat();
      const errors = [values].flat().map((value, i) => Math.abs(value - others[i]!));
      expect(Math.max(...errors), name).toBeLessThan(1e-9);
    }
  });
});

describe("the average", () => {
  it("starts as the generator, changes by the formula, and is never trained", () => {
    const trainer = makeTrainer();
    const { generator, average } = trainer.options;
    const start = generator.parameters().map((parameter) => parameter.toNumbers());
    expect(average.parameters().map((parameter) => parameter.toNumbers())).toEqual(start);
    trainer.step(pairs());
    const decay = 2 / 11; // (1 + steps) / (10 + steps), as long as that is less than the configured decay.
    const after = generator.parameters().map((parameter) => parameter.toNumbers());
    for (const [i, parameter] of average.parameters().entries()) {
      expect(parameter.requiresGrad).toBe(false);
      for (const [j, value] of parameter.toNumbers().entries())
        if (Math.abs(value - (decay * start[i]![j]! + (1 - decay) * after[i]![j]!)) > 1e-6)
          expect.fail(`parameter ${i}, element ${j}`);
    }
    expect(average.training).toBe(false);
  });
});

describe("a step's memory", () => {
  it("is freed after every step", () => {
    const trainer = makeTrainer({ damsm });
    const batch = pairs();
    trainer.step(batch);
    const before = memoryInUse();
    for (let step = 0; step < 20; step++) scope(() => void trainer.step(batch));
    expect(memoryInUse()).toBeLessThanOrEqual(before);
  });
});

describe("a step in bfloat16", () => {
  it("has losses near those of float32", () => {
    const [batch, sampled] = [pairs(), samples()];
    const step = (dtype: DType) => {
      manualSeed(2);
      const trainer = makeTrainer();
      const { generator, average, discriminators } = trainer.options;
      for (const network of [generator, average, ...discriminators])
        network.to({ memoryFormat: "channels_last" });
      const real = batch.real.map((image) => image.to({ dtype, memoryFormat: "channels_last" }));
      const steps = [1, 2, 3].map(() =>
        Object.values(numbers(trainer.step({ ...batch, real }, sampled).losses)),
      );
      expect(generator.parameters().every(({ dtype }) => dtype === "float32")).toBe(true);
      return steps;
    };
    const [exact, rough] = [step("float32"), step("bfloat16")];
    expect(rough[0]).not.toEqual(exact[0]);
    for (const [i, values] of exact.entries()) {
      for (const [j, value] of values.entries())
        expect(Math.abs(rough[i]![j]! - value)).toBeLessThanOrEqual(0.03 * Math.abs(value) + 0.02);
    }
  });
});
