import {
  type DType,
  manualSeed,
  memoryInUse,
  type nn,
  randn,
  scope,
  type Tensor,
  tensor,
} from "@sdgan/torch";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Discriminator } from "../models/discriminator.js";
import { Generator, type GeneratorOptions } from "../models/generator.js";
import { randomText } from "../testing/text.js";
import { type GanBatch, GanTrainer, type GanTrainerOptions } from "./gan-trainer.js";
import type { StepMetrics } from "./step-metrics.js";

const sizes = [8, 16];
const lengths = [3, 1, 4, 2];
const generatorOptions: GeneratorOptions = {
  width: 4,
  stages: sizes.length,
  firstSize: sizes[0]!,
  residualBlocks: 1,
  noise: 5,
  condition: 6,
  textWidth: 8,
  scbn: ["sentence", "both"],
  scbnHidden: 4,
};
const contrastive = {
  weight: 1,
  alpha: 0.1,
  epsilon: 1,
  distance: "perElement",
  generator: true,
  discriminator: true,
} as const;

function make(options: Partial<GanTrainerOptions> = {}): GanTrainer {
  const { textWidth } = generatorOptions;
  return new GanTrainer({
    generator: new Generator(generatorOptions),
    average: new Generator(generatorOptions),
    discriminators: sizes.map((imageSize) => new Discriminator({ width: 4, imageSize, textWidth })),
    learningRate: { generator: 1e-3, discriminator: 1e-3 },
    betas: [0.5, 0.999],
    averageDecay: 0.999,
    klWeight: 1,
    sharedNoise: false,
    contrastive,
    ...options,
  });
}

/** Two pairs: two captions of one image, and captions of two images. */
const pairs = (): GanBatch => ({
  real: sizes.map((size) => randn([4, 3, size, size]).tanh()),
  text: randomText(lengths, generatorOptions.textWidth),
  same: tensor([1, 0]),
});
const samples = () => ({ noise: randn([4, 5]), epsilon: randn([4, 6]) });
const numbers = (tensors: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, value.item()]));
const all = ({ losses }: StepMetrics) => Object.values(numbers(losses));
/** A substitute for DAMSM: two different losses of the last image. */
const damsm = {
  weight: 3,
  losses: (image: Tensor) => ({ words: image.square().mean(), sentence: image.abs().mean() }),
};

/** Bytes of every parameter, to detect which have changed. */
const bytes = (network: nn.Module) => network.parameters().map((parameter) => parameter.toBytes());
const moved = (network: nn.Module, before: Uint8Array[]) =>
  bytes(network).map((now, i) => Buffer.compare(now, before[i]!) !== 0);

beforeEach(() => manualSeed(1));

describe("the contrastive loss acts", () => {
  /** d of pairs with y = 1 over d of pairs with y = 0, as logged, averaged over five steps and both stages. */
  function ratioAfter(steps: number, weight: number): number {
    manualSeed(7);
    const trainer = make({
      contrastive: { ...contrastive, distance: "unit", weight },
      learningRate: { generator: 2e-3, discriminator: 2e-3 },
    });
    const batch = pairs();
    const ratios: number[] = [];
    for (let step = 0; step < steps; step++) {
      const {
        "distance/stage1/same": a,
        "distance/stage2/same": b,
        ...others
      } = numbers(trainer.step(batch).statistics);
      ratios.push((a! + b!) / (others["distance/stage1/different"]! + others["distance/stage2/different"]!));
    }
    return ratios.slice(-5).reduce((sum, ratio) => sum + ratio) / 5;
  }

  it("50 steps with a large λ_c bring pairs with y = 1 closer than those with y = 0", () => {
    const without = ratioAfter(50, 0);
    expect(ratioAfter(50, 50)).toBeLessThan(0.6 * without);
  });

  it.each(["pairs", "infoNce"] as const)("%s: L_D can have it for real images too", (loss) => {
    const batch = { ...pairs(), classIds: tensor([1, 2, 1, 3], { dtype: "int64" }) };
    const valuesOf = (real: boolean) => {
      manualSeed(8);
      return numbers(make({ contrastive: { ...contrastive, loss, real } }).step(batch, samples()).losses);
    };
    const [without, withReal] = [valuesOf(false), valuesOf(true)];
    for (const stage of ["discriminator/stage1", "discriminator/stage2"]) {
      expect(without).not.toHaveProperty(`${stage}/contrastiveReal`);
      expect(withReal[`${stage}/contrastiveReal`]).toBeGreaterThan(0);
      expect(withReal[`${stage}/contrastiveReal`]).not.toBe(withReal[`${stage}/contrastive`]);
      expect(withReal[`${stage}/sum`]! - without[`${stage}/sum`]!).toBeCloseTo(
        withReal[`${stage}/contrastiveReal`]!,
        4,
      );
    }
  });

  it("the gradients of all terms for the images are measured", () => {
    const weight = 3;
    const trainer = make({ damsm, contrastive: { ...contrastive, weight }, gradientsEvery: 2 });
    const none = trainer.step(pairs(), samples());
    expect(Object.keys(none.statistics).filter((name) => name.startsWith("gradient/"))).toEqual([]);
    const { losses, statistics } = trainer.step(pairs(), samples());
    const names = Object.keys(statistics).flatMap((name) => /^gradient\/(.*)/.exec(name)?.[1] ?? []);
    expect(names).toEqual([
      ...["generator/stage1/fake", "generator/stage1/fakeConditional"],
      ...["generator/stage2/fake", "generator/stage2/fakeConditional"],
      ...["damsm/words", "damsm/sentence", "contrastive/stage1", "contrastive/stage2"],
    ]);
    // λ · ∂(mean of x²)/∂x = λ · 2x / n, whose norm is λ · 2 · √(mean of x² / n).
    const n = 4 * 3 * 16 * 16;
    expect(statistics["gradient/damsm/words"]!.item()).toBeCloseTo(
      damsm.weight * 2 * Math.sqrt(losses["damsm/words"]!.item() / n),
      5,
    );
  });
});

describe("growing stages", () => {
  /** Stage 2 joins after two steps. */
  const growing = () => make({ damsm, stagesAfter: (steps) => (steps < 2 ? 1 : 2) });
  /** Names of parameters that belong to the second stage alone. */
  const isLate = (name: string) => /^(later\.0|toImage\.1)\./.test(name);
  const weightsOf = (network: nn.Module) =>
    new Map([...network.namedParameters()].map(([name, parameter]) => [name, parameter.toNumbers()]));

  it("trains only the first stage before the second one joins, and then both", () => {
    const trainer = growing();
    const { generator, discriminators } = trainer.options;
    const initial = weightsOf(generator);
    const late = bytes(discriminators[1]!);
    let losses: Record<string, Tensor> = {};
    for (let step = 0; step < 2; step++) losses = trainer.step(pairs(), samples()).losses;
    expect(Object.keys(losses).filter((name) => name.includes("stage2"))).toEqual([]);
    expect(losses["damsm/words"]!.item()).toBeGreaterThan(0);
    for (const [name, values] of weightsOf(generator))
      expect(values.join() === initial.get(name)!.join(), name).toBe(isLate(name));
    expect(moved(discriminators[1]!, late)).not.toContain(true);
    expect(trainer.discriminatorOptimizers.map(({ steps }) => steps)).toEqual([2, 0]);

    losses = trainer.step(pairs(), samples()).losses;
    expect(losses).toHaveProperty("generator/stage2/fakeConditional");
    expect(moved(discriminators[1]!, late)).not.toContain(false);
    // Adam's first step of a parameter is as long as the learning rate, however many steps others have taken.
    const steps = [...weightsOf(generator)].flatMap(([name, values]) =>
      isLate(name) ? values.map((value, i) => Math.abs(value - initial.get(name)![i]!)) : [],
    );
    expect(Math.max(...steps)).toBeLessThan(1.01e-3);
    expect(Math.max(...steps)).toBeGreaterThan(0.99e-3);
  });

  it("averages with the decay of the first steps again when a stage joins", () => {
    const trainer = make({ averagedSteps: (steps) => (steps === 2 ? 0 : steps) });
    const { generator, average } = trainer.options;
    trainer.step(pairs(), samples());
    const before = weightsOf(average);
    trainer.step(pairs(), samples());
    const now = weightsOf(average);
    for (const [name, weights] of weightsOf(generator))
      for (const [i, weight] of weights.entries())
        expect(now.get(name)![i]).toBeCloseTo(0.1 * before.get(name)![i]! + 0.9 * weight, 6); // 0.1 = (1 + 0) / (10 + 0)
  });

  it("takes the same step with one stage as a trainer that has no others", () => {
    const trainer = growing();
    const single = new GanTrainer({
      ...trainer.options,
      generator: new Generator({ ...generatorOptions, stages: 1, scbn: ["sentence"] }),
      average: new Generator({ ...generatorOptions, stages: 1, scbn: ["sentence"] }),
      discriminators: [new Discriminator({ width: 4, imageSize: 8, textWidth: generatorOptions.textWidth })],
      stagesAfter: () => 1,
    });
    const own = single.options.generator.stateDict();
    single.options.generator.loadStateDict(
      new Map([...trainer.options.generator.stateDict()].filter(([name]) => own.has(name))),
    );
    single.options.discriminators[0]!.loadStateDict(trainer.options.discriminators[0]!.stateDict());
    const [batch, noise] = [pairs(), samples()];
    const { losses } = trainer.step(batch, noise);
    // Stages that do not train yet have no part in the losses.
    expect(numbers(losses)).toEqual(
      numbers(single.step({ ...batch, real: batch.real.slice(0, 1) }, noise).losses),
    );
  });
});

describe("a step with Siamese pairs", () => {
  it("measures every term, and the discriminators' probabilities", () => {
    const trainer = make({ damsm });
    const { losses, statistics } = trainer.step(pairs());
    const stages = ["stage1", "stage2"];
    expect(Object.keys(losses).sort()).toEqual(
      [
        ...stages.flatMap((stage) =>
          [
            "real",
            "realConditional",
            "fake",
            "fakeConditional",
            "wrong",
            "contrastive",
            "adversarial",
            "sum",
          ].map((term) => `discriminator/${stage}/${term}`),
        ),
        ...stages.flatMap((stage) => [`generator/${stage}/fake`, `generator/${stage}/fakeConditional`]),
        ...stages.map((stage) => `contrastive/${stage}`),
        ...["kl", "damsm/words", "damsm/sentence", "generator/sum"],
      ].sort(),
    );
    expect(Object.keys(statistics).sort()).toEqual(
      [
        ...stages.flatMap((stage) =>
          ["real", "realConditional", "fake", "fakeConditional", "wrong"].map(
            (what) => `probability/${stage}/${what}`,
          ),
        ),
        ...stages.flatMap((stage) => [`distance/${stage}/same`, `distance/${stage}/different`]),
      ].sort(),
    );
    for (const value of Object.values(numbers({ ...losses, ...statistics })))
      expect(value).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(numbers(statistics)))
      if (name.startsWith("probability")) expect(value).toBeLessThan(1);
    expect(trainer.steps).toBe(1);
  });

  it("reports the sums of the weighted terms", () => {
    const losses = numbers(make({ damsm, contrastive: { ...contrastive, weight: 2 } }).step(pairs()).losses);
    const loss = (name: string) => losses[name] ?? Number.NaN;
    for (const stage of ["discriminator/stage1", "discriminator/stage2"]) {
      const adversarial =
        (loss(`${stage}/real`) + loss(`${stage}/realConditional`)) / 2 +
        (loss(`${stage}/fake`) + loss(`${stage}/fakeConditional`) + loss(`${stage}/wrong`)) / 3;
      expect(loss(`${stage}/adversarial`)).toBeCloseTo(adversarial, 5);
      expect(loss(`${stage}/sum`)).toBeCloseTo(adversarial + 2 * loss(`${stage}/contrastive`), 5);
    }
    const stages = ["stage1", "stage2"].map(
      (stage) =>
        loss(`generator/${stage}/fake`) +
        loss(`generator/${stage}/fakeConditional`) +
        2 * loss(`contrastive/${stage}`),
    );
    const expected =
      stages[0]! + stages[1]! + loss("kl") + 3 * (loss("damsm/words") + loss("damsm/sentence"));
    expect(loss("generator/sum")).toBeCloseTo(expected, 4);
  });

  it("reports no distance for pairs that the batch does not have", () => {
    const { statistics } = make().step({ ...pairs(), same: tensor([1, 1]) });
    const values = numbers(statistics);
    expect(values["distance/stage1/same"]).toBeGreaterThan(0);
    expect(values["distance/stage1/different"]).toBeNaN();
  });

  it("weights the contrastive loss, and can leave it out for generator or discriminators", () => {
    const batch = pairs();
    const names = (changed: Partial<GanTrainerOptions["contrastive"]>) =>
      Object.keys(make({ contrastive: { ...contrastive, ...changed } }).step(batch).losses).filter((name) =>
        name.includes("contrastive"),
      );
    const [inDiscriminators, inGenerator] = [
      ["discriminator/stage1/contrastive", "discriminator/stage2/contrastive"],
      ["contrastive/stage1", "contrastive/stage2"],
    ];
    expect(names({})).toEqual([...inDiscriminators, ...inGenerator]);
    expect(names({ discriminator: false })).toEqual(inGenerator);
    const ofReal = inDiscriminators.map((name) => `${name}Real`);
    expect(names({ discriminator: false, real: true })).toEqual([...ofReal, ...inGenerator]);
    expect(names({ generator: false })).toEqual(inDiscriminators);
    expect(names({ weight: 0 })).toEqual([]);
  });

  it("trains the discriminators with the contrastive loss if configured", () => {
    const [batch, sampled] = [pairs(), samples()];
    const step = (discriminator: boolean) => {
      manualSeed(2);
      const trainer = make({ contrastive: { ...contrastive, discriminator } });
      trainer.step(batch, sampled);
      return trainer.options.discriminators.map(bytes);
    };
    expect(step(true)).toEqual(step(true));
    expect(step(true)).not.toEqual(step(false));
  });

  it("uses one z for both branches of a pair if configured, and a z per caption without pairs", () => {
    const noise = (sharedNoise: boolean, batch: GanBatch) => {
      const trainer = make({ sharedNoise });
      const { generator } = trainer.options;
      const sampled: string[] = [];
      vi.spyOn(generator, "forward").mockImplementation((z, ...rest) => {
        sampled.push(...z.toNumbers().map((value) => value.toFixed(6)));
        return Generator.prototype.forward.call(generator, z, ...rest);
      });
      trainer.step(batch);
      return sampled;
    };
    const different = (values: string[]) => new Set(values).size / values.length;
    const shared = noise(true, pairs());
    expect(shared.slice(0, shared.length / 2)).toEqual(shared.slice(shared.length / 2));
    expect(different(shared)).toBe(0.5);
    expect(different(noise(false, pairs()))).toBe(1);
    const { same: _, ...single } = pairs();
    expect(different(noise(true, single))).toBe(1);
  });

  it("has no contrastive loss without pairs", () => {
    const { real, text } = pairs();
    const { losses, statistics } = make().step({ real, text });
    const names = Object.keys({ ...losses, ...statistics });
    expect(names.filter((name) => /contrastive|distance/.test(name))).toEqual([]);
  });
});

describe("a step's two phases", () => {
  it("change every parameter", () => {
    const trainer = make();
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
    const trainer = make({ learningRate: rates });
    const { generator, discriminators } = trainer.options;
    const before = [generator, ...discriminators].map(bytes);
    trainer.step(pairs());
    expect(moved(generator, before[0]!).some(Boolean)).toBe(rates.generator > 0);
    for (const [i, discriminator] of discriminators.entries())
      expect(moved(discriminator, before[i + 1]!).some(Boolean)).toBe(rates.discriminator > 0);
  });

  it("leave no gradients behind", () => {
    const trainer = make();
    trainer.step(pairs());
    const { generator, average, discriminators } = trainer.options;
    for (const network of [generator, average, ...discriminators])
      expect(network.parameters().every((parameter) => parameter.grad === null)).toBe(true);
  });
});

describe("the average", () => {
  it("starts as the generator, changes by the formula, and is never trained", () => {
    const trainer = make();
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
    const trainer = make({ damsm });
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
      const trainer = make();
      const { generator, average, discriminators } = trainer.options;
      for (const network of [generator, average, ...discriminators])
        network.to({ memoryFormat: "channels_last" });
      const real = batch.real.map((image) => image.to({ dtype, memoryFormat: "channels_last" }));
      const steps = [1, 2, 3].map(() => all(trainer.step({ ...batch, real }, sampled)));
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
