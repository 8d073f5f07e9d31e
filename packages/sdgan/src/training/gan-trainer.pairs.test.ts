/** Steps with Siamese pairs: what they measure, and what their options change. */
import { manualSeed, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Generator } from "../models/generator.js";
import { bytes, contrastive, damsm, makeTrainer, numbers, pairs, samples } from "../testing/gan-steps.js";
import type { GanBatch } from "./gan-batch.js";
import type { GanTrainerOptions } from "./gan-trainer.js";

beforeEach(() => manualSeed(1));

describe("a step with Siamese pairs", () => {
  it("measures every term, and the discriminators' probabilities", () => {
    const trainer = makeTrainer({ damsm });
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
    const losses = numbers(
      makeTrainer({ damsm, contrastive: { ...contrastive, weight: 2 } }).step(pairs()).losses,
    );
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
    const { statistics } = makeTrainer().step({ ...pairs(), same: tensor([1, 1]) });
    const values = numbers(statistics);
    expect(values["distance/stage1/same"]).toBeGreaterThan(0);
    expect(values["distance/stage1/different"]).toBeNaN();
  });

  it("weights the contrastive loss, and can leave it out for generator or discriminators", () => {
    const batch = pairs();
    const names = (changed: Partial<GanTrainerOptions["contrastive"]>) =>
      Object.keys(makeTrainer({ contrastive: { ...contrastive, ...changed } }).step(batch).losses).filter(
        (name) => name.includes("contrastive"),
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
      const trainer = makeTrainer({ contrastive: { ...contrastive, discriminator } });
      trainer.step(batch, sampled);
      return trainer.options.discriminators.map(bytes);
    };
    expect(step(true)).toEqual(step(true));
    expect(step(true)).not.toEqual(step(false));
  });

  it("uses one z for both branches of a pair if configured, and a z per caption without pairs", () => {
    const noise = (sharedNoise: boolean, batch: GanBatch) => {
      const trainer = makeTrainer({ sharedNoise });
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
    const { losses, statistics } = makeTrainer().step({ real, text });
    const names = Object.keys({ ...losses, ...statistics });
    expect(names.filter((name) => /contrastive|distance/.test(name))).toEqual([]);
  });
});
