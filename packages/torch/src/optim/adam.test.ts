import { describe, expect, it } from "vitest";
import { type Tensor, tensor } from "../index.js";
import { Adam, stepTogether } from "./adam.js";
import { clipGradNorm } from "./clip.js";

const double = (values: number[]) => tensor(values, { dtype: "float64" });
const parameter = (values: number[]) => tensor(values, { dtype: "float64", requiresGrad: true });
const gradients = [[0.5, -1], [1, 0.25], [-2, 3]]; // biome-ignore format: rows

describe("Adam", () => {
  it("takes the steps of the paper's formulas", () => {
    const weight = parameter([1]);
    const adam = new Adam([["w", weight]], { learningRate: 0.1, betas: [0.5, 0.75], eps: 0 });
    // m = 0.5·4 = 2, v = 0.25·16 = 4; m̂ = 2/0.5 = 4, v̂ = 4/0.25 = 16: the step is 0.1 · 4/√16.
    adam.step([double([4])]);
    expect(weight.item()).toBeCloseTo(0.9, 14);
    // m = 0.5·2 + 0.5·(−2) = 0: no step, whatever v is.
    adam.step([double([-2])]);
    expect(weight.item()).toBeCloseTo(0.9, 14);
  });

  it("takes PyTorch's steps", () => {
    const weight = parameter([1, -2]);
    const adam = new Adam([["w", weight]], { learningRate: 0.1, betas: [0.5, 0.999] });
    const expected = [
      [0.900000002, -1.900000001],
      [0.7946065637317057, -1.877128475024249],
      [0.8539797668159277, -1.96679591828074],
    ];
    for (const [i, gradient] of gradients.entries()) {
      adam.step([double(gradient)]);
      for (const [j, value] of weight.toNumbers().entries()) expect(value).toBeCloseTo(expected[i]![j]!, 9);
    }
  });

  it("resumes from a saved state bit for bit", () => {
    const [whole, broken] = [parameter([1, -2]), parameter([1, -2])];
    const first = new Adam([["w", whole]]);
    const second = new Adam([["w", broken]]);
    first.step([double(gradients[0]!)]);
    second.step([double(gradients[0]!)]);
    const saved = new Map(
      Array.from(second.stateDict(), ([name, value]) => [name, value.clone()] as [string, Tensor]),
    );
    expect([...saved.keys()]).toEqual(["exp_avg.w", "exp_avg_sq.w"]);

    const resumed = new Adam([["w", broken]]);
    resumed.loadStateDict(saved, second.steps);
    for (const gradient of gradients) {
      first.step([double(gradient)]);
      resumed.step([double(gradient)]);
    }
    expect(broken.toBytes()).toEqual(whole.toBytes());
    expect(resumed.steps).toBe(4);
  });

  it("takes the same steps on all parameters at once, as on a GPU", () => {
    const make = () => [parameter([1, -2]), parameter([0.5])];
    const [one, together] = [make(), make()];
    const zeros = () => [double([0, 0]), double([0])];
    const [means, squares] = [zeros(), zeros()];
    const adam = new Adam(one.map((weight, i) => [String(i), weight]));
    for (let step = 1; step <= 3; step++) {
      const given = [double([0.3, -4 + step]), double([step])];
      adam.step(given);
      const trained = together.map((parameter, i) => ({ parameter, gradient: given[i]!, mean: means[i]!, square: squares[i]! })); // biome-ignore format: one a line
      stepTogether(trained, [1e-3 / (1 - 0.9 ** step), 0.9, 0.999, Math.sqrt(1 - 0.999 ** step), 1e-8]);
    }
    for (const [i, weight] of one.entries()) {
      for (const [j, value] of weight.toNumbers().entries())
        expect(together[i]!.toNumbers()[j]).toBeCloseTo(value, 14);
    }
  });

  it.each([
    [0.5, 0.999],
    [0.9, 0.99999],
    [0, 0],
  ])("takes the same steps in float32 and float64, up to rounding: β = %d, %d", (...betas) => {
    const count = 1000; // More than one vector register holds.
    const draw = () => Array.from({ length: count }, (_, i) => Math.sin(1 + i) + Math.random() / 10);
    const dtypes = ["float32", "float64"] as const;
    const start = draw();
    const adams = dtypes.map((dtype) => {
      const weight = tensor(start, { dtype });
      return { dtype, weight, adam: new Adam([["w", weight]], { betas, learningRate: 1e-3 }) };
    });
    for (let step = 0; step < 50; step++) {
      const gradient = draw();
      for (const { dtype, adam } of adams) adam.step([tensor(gradient, { dtype })]);
    }
    const [single, double] = adams;
    for (const [name, expected] of double!.adam.stateDict()) {
      const off = single!.adam.stateDict().get(name)!.to("float64").sub(expected).abs();
      expect(off.amax([]).item() / expected.abs().amax([]).item(), name).toBeLessThan(1e-6);
    }
    const moved = single!.weight.to("float64").sub(double!.weight).abs().amax([]).item();
    expect(moved).toBeLessThan(5e-6); // 50 steps, rounded to weights of about 1.
  });

  it("updates a parameter with a gradient of another layout", () => {
    const [weight, zeros] = [tensor([[1, 2], [3, 4]]), () => tensor([[0, 0], [0, 0]])]; // biome-ignore format: rows
    const gradient = tensor([[1, -1], [1, -1]]).t(); // biome-ignore format: rows
    stepTogether([{ parameter: weight, gradient, mean: zeros(), square: zeros() }], [0.5, 0, 0, 1, 0]);
    expect(weight.toNumbers()).toEqual([0.5, 1.5, 3.5, 4.5]);
  });

  it("does not change parameters without a gradient, and refuses a wrong number of gradients or state", () => {
    const [a, b] = [parameter([1]), parameter([1])];
    const adam = new Adam([["a", a], ["b", b]]); // biome-ignore format: pairs
    adam.step([null, double([1])]);
    expect([a.item(), b.item() < 1]).toEqual([1, true]);
    expect(() => adam.step([null])).toThrow(/expected 2 gradients, one per parameter, found 1/);
    expect(() => adam.step([double([1, 2, 3]), null])).toThrow(/::adam_step_.*float64\[3\]/);
    expect(() => adam.loadStateDict(new Map(), 1)).toThrow(/lacks exp_avg.a/);
    const state = new Map(adam.stateDict()).set("exp_avg.b", double([1, 2]));
    expect(() => adam.loadStateDict(state, 1)).toThrow(
      /float64\[2\] for exp_avg.b, expected Tensor float64\[1\]/,
    );
    expect(() => adam.loadStateDict(adam.stateDict(), -1)).toThrow(/number of steps/);
  });
});

describe("clipGradNorm", () => {
  it("scales all gradients by one factor when they are too long together", () => {
    const [a, b] = [double([3]), double([4])];
    expect(clipGradNorm([a, b], 1).item()).toBeCloseTo(5, 12);
    expect(a.item()).toBeCloseTo(0.6, 6);
    expect(b.item()).toBeCloseTo(0.8, 6);
  });

  it("does not change short ones, to the bit", () => {
    const a = double([0.1, 0.2]);
    clipGradNorm([a], 1);
    expect(a.toNumbers()).toEqual([0.1, 0.2]);
    expect(clipGradNorm([], 1).item()).toBe(0);
  });

  it("refuses values that are not tensors or not a norm", () => {
    expect(() => clipGradNorm(new Array(2 ** 32 - 1), 1)).toThrow(/expected tensors/);
    for (const most of [0, -1, Number.NaN])
      expect(() => clipGradNorm([double([1])], most)).toThrow(/norm above 0/);
  });
});
