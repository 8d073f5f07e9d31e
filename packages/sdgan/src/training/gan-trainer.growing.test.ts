/** Stages that join during training. */
import { manualSeed, type nn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { Discriminator } from "../models/discriminator.js";
import { Generator } from "../models/generator.js";
import {
  bytes,
  damsm,
  generatorOptions,
  makeTrainer,
  moved,
  numbers,
  pairs,
  samples,
} from "../testing/gan-steps.js";
import { GanTrainer } from "./gan-trainer.js";

beforeEach(() => manualSeed(1));

describe("growing stages", () => {
  /** Stage 2 joins after two steps. */
  const growing = () => makeTrainer({ damsm, stagesAfter: (steps) => (steps < 2 ? 1 : 2) });
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
    const trainer = makeTrainer({ averagedSteps: (steps) => (steps === 2 ? 0 : steps) });
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
