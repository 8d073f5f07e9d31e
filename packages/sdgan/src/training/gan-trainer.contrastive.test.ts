/** The contrastive loss in whole steps: its effect, its terms and its gradients. */
import { manualSeed, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { contrastive, damsm, makeTrainer, numbers, pairs, samples } from "../testing/gan-steps.js";

beforeEach(() => manualSeed(1));

describe("the contrastive loss acts", () => {
  /** d of pairs with y = 1 over d of pairs with y = 0, as logged, averaged over five steps and both stages. */
  function ratioAfter(steps: number, weight: number): number {
    manualSeed(7);
    const trainer = makeTrainer({
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
      return numbers(
        makeTrainer({ contrastive: { ...contrastive, loss, real } }).step(batch, samples()).losses,
      );
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
    const trainer = makeTrainer({ damsm, contrastive: { ...contrastive, weight }, gradientsEvery: 2 });
    const none = trainer.step(pairs(), samples());
    expect(Object.keys(none.statistics).filter((name) => name.startsWith("gradient/"))).toEqual([]);
    const { losses, statistics } = trainer.step(pairs(), samples());
    const names = Object.keys(statistics).flatMap((name) => /^gradient\/(.*)/.exec(name)?.[1] ?? []);
    expect(names).toEqual([
      ...["generator/stage1/fake", "generator/stage1/fakeConditional", "contrastive/stage1"],
      ...["generator/stage2/fake", "generator/stage2/fakeConditional", "contrastive/stage2"],
      ...["damsm/words", "damsm/sentence"],
    ]);
    // λ · ∂(mean of x²)/∂x = λ · 2x / n, whose norm is λ · 2 · √(mean of x² / n).
    const n = 4 * 3 * 16 * 16;
    expect(statistics["gradient/damsm/words"]!.item()).toBeCloseTo(
      damsm.weight * 2 * Math.sqrt(losses["damsm/words"]!.item() / n),
      5,
    );
  });
});
