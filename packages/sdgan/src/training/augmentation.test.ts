import { full, manualSeed, type Tensor, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { Augmentation, type AugmentationOptions, type AugmentationState } from "./augmentation.js";

beforeEach(() => manualSeed(1));

const options: AugmentationOptions = {
  ...{ policy: ["translation"], padding: 1, probability: 0.5 },
  ...{ target: 0.6, images: 80 },
};
const make = (changed: Partial<AugmentationOptions> = {}) => new Augmentation({ ...options, ...changed }, 2);
/** Logits of ten real images, of which a share is positive. */
const logits = (positive: number) =>
  tensor(Array.from({ length: 10 }, (_, i) => (i < 10 * positive ? 0.25 : -3)));
const numbers = (tensors: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, value.item()]));
const observe = (augmentation: Augmentation, shares: number[], stage = 0) => {
  for (const share of shares) augmentation.observe(stage, logits(share));
};

describe("an adaptive probability", () => {
  it("starts at 0 and rises by 4 steps' images / `images` while the mean sign of D(real) is above the target", () => {
    const augmentation = make();
    observe(augmentation, [1, 1, 1]);
    expect(augmentation.probability(0)).toBe(0);
    observe(augmentation, [1]);
    expect(augmentation.probability(0)).toBe(40 / 80);
    expect(augmentation.probability(1)).toBe(0); // The other discriminator has a probability of its own.
    observe(augmentation, [1, 1, 1, 1]);
    expect(augmentation.probability(0)).toBe(1);
    observe(augmentation, [1, 1, 1, 1]);
    expect(augmentation.probability(0)).toBe(1); // No more than 1.
    observe(augmentation, [0.7, 0.7, 0.7, 0.7]); // Mean sign 0.4.
    expect(augmentation.probability(0)).toBe(0.5);
  });

  it("depends on the mean of all steps since the last adjustment, and on signs alone", () => {
    const augmentation = make({ images: 400 });
    observe(augmentation, [1, 1, 1, 0.3]); // Mean sign (1 + 1 + 1 − 0.4) / 4 = 0.65.
    expect(augmentation.probability(0)).toBeCloseTo(0.1, 12);
    observe(augmentation, [1, 1, 1, 0]); // 0.5
    expect(augmentation.probability(0)).toBeCloseTo(0, 12);
    observe(augmentation, [0, 0, 0, 0]);
    expect(augmentation.probability(0)).toBe(0);
  });

  it("is logged, with the mean sign", () => {
    const augmentation = make();
    observe(augmentation, [1, 1, 1, 1], 1);
    expect(numbers(augmentation.observe(1, logits(0.8)))).toEqual({
      "augment/stage2/probability": 0.5,
      "augment/stage2/sign": expect.closeTo(0.6, 6),
    });
    expect(make({ target: 0 }).observe(1, logits(1))).toEqual({});
    expect(make({ policy: [] }).observe(1, logits(1))).toEqual({});
  });

  it("decides how many images are changed", () => {
    const augmentation = make();
    const images = full([400, 3, 8, 8], 0);
    const changed = () => augmentation.apply(0, images).amax([1, 2, 3]).gt(0).to("float32").mean().item();
    expect(changed()).toBe(0);
    observe(augmentation, [1, 1, 1, 1]);
    expect(changed()).toBeCloseTo((0.5 * 8) / 9, 1);
    expect(make({ target: 0, probability: 1 }).apply(1, images).amax([1, 2, 3]).mean().item()).toBeCloseTo(
      8 / 9,
      1,
    );
  });

  it("continues from its state as if it had not been interrupted, between two adjustments too", () => {
    const shares = [1, 1, 0.5, 1, 1, 0.9, 1, 1, 1, 0.2, 0.1, 1];
    const [whole, first, resumed] = [make({ images: 400 }), make({ images: 400 }), make({ images: 400 })];
    observe(whole, shares);
    observe(first, shares.slice(0, 6));
    const state = JSON.parse(JSON.stringify(first.state())) as AugmentationState[];
    expect(state[0]).toEqual({ probability: 0.1, signs: 18, images: 20, steps: 2 });
    observe(resumed, [0.3]); // Is forgotten.
    resumed.restore(state, "cpu");
    observe(resumed, shares.slice(6));
    expect(resumed.state()).toEqual(whole.state());
    resumed.restore(undefined, "cpu");
    expect(resumed.state()).toEqual(make().state());
  });

  it("has no state if it is fixed or there is nothing to do", () => {
    expect([make({ target: 0 }).state(), make({ policy: [] }).state()]).toEqual([undefined, undefined]);
  });
});
