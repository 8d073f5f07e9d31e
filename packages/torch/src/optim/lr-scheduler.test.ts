import { describe, expect, it } from "vitest";
import { tensor } from "../index.js";
import { lrScheduler, SGD } from "./index.js";
import type { LRScheduler, Scheduled } from "./lr-scheduler.js";

const { CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, SequentialLR, StepLR } =
  lrScheduler;
const optimizer = () => new SGD([tensor([0], { requiresGrad: true })], { learningRate: 0.5 });

/**
 * Learning rates before and after each of nine steps, in PyTorch 1.13:
 *   o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
 *   s = make(o); print(o.param_groups[0]["lr"])
 *   for _ in range(9): o.step(); s.step(); print(o.param_groups[0]["lr"])
 */
const cases: [name: string, make: (o: Scheduled) => LRScheduler, rates: number[]][] = [
  // StepLR(o, step_size=3)
  [
    "StepLR",
    (o) => new StepLR(o, { stepSize: 3 }),
    [0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.0005],
  ],
  // MultiStepLR(o, milestones=[2, 5], gamma=0.5)
  [
    "MultiStepLR",
    (o) => new MultiStepLR(o, { milestones: [2, 5], gamma: 0.5 }),
    [0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.125],
  ],
  // ExponentialLR(o, gamma=0.9)
  [
    "ExponentialLR",
    (o) => new ExponentialLR(o, { gamma: 0.9 }),
    [0.5, 0.45, 0.405, 0.3645, 0.32805, 0.295245, 0.2657205, 0.23914845, 0.215233605, 0.1937102445],
  ],
  // CosineAnnealingLR(o, T_max=6, eta_min=0.1)
  [
    "CosineAnnealingLR",
    (o) => new CosineAnnealingLR(o, { tMax: 6, etaMin: 0.1 }),
    [0.5, 0.47320508075688783, 0.4, 0.3, 0.2, 0.1267949192431123, 0.1, 0.12679491924311226, 0.2, 0.3],
  ],
  // LinearLR(o)
  [
    "LinearLR",
    (o) => new LinearLR(o),
    [
      0.16666666666666666, 0.23333333333333334, 0.3, 0.36666666666666675, 0.43333333333333346, 0.5, 0.5, 0.5,
      0.5, 0.5,
    ],
  ],
  // LinearLR(o, start_factor=0.1, end_factor=0.7, total_iters=4)
  [
    "LinearLR, its options",
    (o) => new LinearLR(o, { startFactor: 0.1, endFactor: 0.7, totalIters: 4 }),
    [0.05, 0.125, 0.2, 0.275, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35],
  ],
  // LambdaLR(o, lambda epoch: 1 / (1 + epoch))
  [
    "LambdaLR",
    (o) => new LambdaLR(o, (epoch) => 1 / (1 + epoch)),
    [
      0.5, 0.25, 0.16666666666666666, 0.125, 0.1, 0.08333333333333333, 0.07142857142857142, 0.0625,
      0.05555555555555555, 0.05,
    ],
  ],
  // SequentialLR(o, [LinearLR(o, start_factor=0.25, total_iters=3), CosineAnnealingLR(o, T_max=6)], milestones=[3])
  [
    "SequentialLR, a warm-up",
    (o) =>
      new SequentialLR(o, {
        schedulers: [
          new LinearLR(o, { startFactor: 0.25, totalIters: 3 }),
          new CosineAnnealingLR(o, { tMax: 6 }),
        ],
        milestones: [3],
      }),
    [0.125, 0.25, 0.375, 0.5, 0.4665063509461097, 0.375, 0.25, 0.125, 0.03349364905389032, 0],
  ],
  // SequentialLR(o, [LinearLR(o, start_factor=0.5, total_iters=2), ExponentialLR(o, gamma=0.5), StepLR(o, step_size=2)],
  //              milestones=[2, 5])
  [
    "SequentialLR of three",
    (o) =>
      new SequentialLR(o, {
        schedulers: [
          new LinearLR(o, { startFactor: 0.5, totalIters: 2 }),
          new ExponentialLR(o, { gamma: 0.5 }),
          new StepLR(o, { stepSize: 2 }),
        ],
        milestones: [2, 5],
      }),
    [0.25, 0.375, 0.5, 0.25, 0.125, 0.5, 0.5, 0.05, 0.05, 0.005],
  ],
];

describe.each(cases)("%s", (_, make, rates) => {
  it("has PyTorch's learning rates", () => {
    const sgd = optimizer();
    const schedule = make(sgd);
    for (const [epoch, rate] of rates.entries()) {
      expect(schedule.lastEpoch).toBe(epoch);
      expect(sgd.learningRate, `epoch ${epoch}`).toBeCloseTo(rate, 14);
      schedule.step();
    }
  });

  it("resumes from a saved state, which is JSON", () => {
    const [first, other] = [optimizer(), optimizer()];
    const schedule = make(first);
    for (let i = 0; i < 4; i++) schedule.step();
    const saved = JSON.parse(JSON.stringify(schedule.stateDict()));
    other.learningRate = 123;
    const resumed = make(other);
    resumed.loadStateDict(saved);
    expect(other.learningRate).toBe(first.learningRate);
    schedule.step();
    resumed.step();
    expect(other.learningRate).toBe(first.learningRate);
  });
});

describe("schedules", () => {
  it("refuse options that make no sense", () => {
    const sgd = optimizer();
    expect(() => new StepLR(sgd, { stepSize: 0 })).toThrow(/StepLR: stepSize: .*found 0/);
    expect(() => new CosineAnnealingLR(sgd, {} as never)).toThrow(/tMax: .*found undefined/);
    expect(() => new ExponentialLR(sgd, {} as never)).toThrow(/gamma, found undefined/);
    expect(() => new MultiStepLR(sgd, { milestones: [5, 2] })).toThrow(/increasing order, found \[5,2\]/);
    const schedulers = [new LinearLR(sgd)];
    expect(() => new SequentialLR(sgd, { schedulers, milestones: [3] })).toThrow(/expected 2 schedulers/);
    expect(() => new SequentialLR(optimizer(), { schedulers, milestones: [] })).toThrow(/another optimizer/);
    expect(() => new LinearLR({} as never)).toThrow(/expected an optimizer/);
    for (const state of [{ lastEpoch: -1, baseLearningRate: 1 }, { lastEpoch: 1 }])
      expect(() => schedulers[0]!.loadStateDict(state as never)).toThrow(/lastEpoch, baseLearningRate/);
  });
});
