import { manualSeed, nn, noGrad, randn } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { MovingAverage } from "./average.js";

beforeEach(() => manualSeed(1));

describe("MovingAverage", () => {
  it.each([
    { steps: 1, decay: 2 / 11, when: "early" },
    { steps: 1_000_000, decay: 0.99, when: "later" },
  ])("moves parameters and running statistics by the formula, $when", ({ steps, decay }) => {
    const [average, network] = [new nn.BatchNorm(4), new nn.BatchNorm(4)];
    network.forward(randn([5, 4]).mul(3).add(1));
    noGrad(() => network.weight.copy_(randn([4])));
    const before = new Map(Array.from(average.stateDict(), ([name, tensor]) => [name, tensor.toNumbers()]));
    new MovingAverage(average, network).update(0.99, steps);
    const target = network.stateDict();
    for (const name of ["weight", "bias", "running_mean", "running_var"]) {
      const theirs = target.get(name)!.toNumbers();
      for (const [i, value] of average.stateDict().get(name)!.toNumbers().entries())
        expect(value).toBeCloseTo(decay * before.get(name)![i]! + (1 - decay) * theirs[i]!, 5);
    }
    expect(average.batchesTracked.item()).toBe(1);
  });

  it("does not change the network, and records no gradients", () => {
    const [average, network] = [new nn.Linear(3, 2), new nn.Linear(3, 2)];
    const before = network.weight.toNumbers();
    new MovingAverage(average, network).update(0.5, 100);
    expect(network.weight.toNumbers()).toEqual(before);
    expect(average.weight.isLeaf).toBe(true);
  });
});
