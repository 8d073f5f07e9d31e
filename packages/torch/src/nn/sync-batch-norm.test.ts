import { beforeEach, describe, expect, it } from "vitest";
import { grad } from "../autograd.js";
import { randn } from "../creation.js";
import type { BatchNormOptions } from "../functional.js";
import * as functional from "../functional.js";
import { manualSeed } from "../random.js";
import type { Tensor } from "../tensor.js";
import { gradcheck } from "../testing/gradcheck.js";
import { BatchNorm } from "./layers.js";
import { syncBatchNorm } from "./sync-batch-norm.js";

beforeEach(() => manualSeed(3));

/** A single process: the sum over processes is its own. */
const alone = { sum: (own: Tensor) => own };
/** Two processes with the same batch. */
const twins = { sum: (own: Tensor) => own.mul(2) };

const leaf = (tensor: Tensor) => {
  const own = tensor.detach();
  own.requiresGrad = true;
  return own;
};

const cases: [name: string, more: (x: Tensor) => Partial<BatchNormOptions>][] = [
  ["plain", () => ({})],
  ["several batches", () => ({ batches: [2, 3, 1] })],
  ["modulated, with a GLU", (x) => ({ scale: randn(x.shape), shift: randn(x.shape), activation: "glu" })],
  ["a leaky ReLU", () => ({ activation: "leaky_relu", slope: 0.2 })],
];

describe("in a single process", () => {
  it.each(cases)("equals batchNorm, with gradients and running statistics: %s", (_, more) => {
    const x = leaf(randn([6, 4, 3, 3]).mul(2).add(5).to({ memoryFormat: "channels_last" }));
    const [weight, bias] = [leaf(randn([4])), leaf(randn([4]))];
    const make = () => ({ runningMean: randn([4]).mul(0), runningVar: randn([4]).mul(0).add(1) });
    const [expected, found] = [make(), make()];
    const own = { weight, bias, training: true, momentum: 0.3, ...more(x) };
    const a = functional.batchNorm(x, { ...own, ...expected });
    const b = syncBatchNorm(x, { ...own, ...found }, alone);
    const factors = randn(a.shape);
    const gradientsOf = (y: Tensor) => grad([y.mul(factors).sum()], [x, weight, bias]);
    const [all, others] = [
      [a, expected.runningMean, expected.runningVar, ...gradientsOf(a)],
      [b, found.runningMean, found.runningVar, ...gradientsOf(b)],
    ];
    for (const [i, one] of all.entries()) {
      const other = others[i]!;
      const largest = one.sub(other).abs().max().item();
      expect(largest).toBeLessThan(2e-5 * Math.max(1, one.abs().max().item()));
    }
  });

  it("has the gradients of finite differences, also of its gradients", () => {
    const inputs = [randn([3, 2, 2, 2]), randn([2]), randn([2])].map((one) => one.to("float64"));
    const factors = randn([3, 2, 2, 2]).to("float64");
    const output = (x?: Tensor, weight?: Tensor, bias?: Tensor) =>
      syncBatchNorm(x!, { weight: weight!, bias: bias!, training: true }, alone).mul(factors);
    expect(gradcheck(output, inputs)).toBeLessThan(1e-5);
    const gradient = (x?: Tensor, weight?: Tensor, bias?: Tensor) => {
      const at = leaf(x!).add(x!.sub(x!.detach())); // Depends on x, and is differentiated by itself.
      const [own] = grad([output(at, weight, bias).square().sum()], [at], { createGraph: true });
      return own!;
    };
    expect(gradcheck(gradient, inputs)).toBeLessThan(1e-4);
  });

  it("computes bfloat16 in float32", () => {
    const x = randn([4, 2, 3, 3]).to("bfloat16");
    const y = syncBatchNorm(x, { training: true }, alone);
    expect(y.dtype).toBe("bfloat16");
    const exact = functional.batchNorm(x.to("float32"), { training: true }).to("bfloat16");
    expect(y.sub(exact).abs().max().item()).toBeLessThan(0.02);
  });
});

it("counts the values of all processes in the running variance", () => {
  const x = randn([2, 3]).to("float64");
  const running = () => randn([3]).to("float64").mul(0);
  const [one, two] = [running(), running()];
  syncBatchNorm(x, { training: true, momentum: 1, runningVar: one }, alone);
  syncBatchNorm(x, { training: true, momentum: 1, runningVar: two }, twins);
  // Σ(x − μ)² of two values over 1, and of four values over 3.
  expect(two.div(one).toNumbers()).toEqual([0, 0, 0].map(() => expect.closeTo(2 / 3, 6)));
});

it("is what BatchNorm computes in training if it has a group, and not in evaluation", () => {
  const layer = new BatchNorm(2);
  const sums: number[] = [];
  layer.group = {
    sum(own) {
      sums.push(own.numel);
      return own;
    },
  };
  layer.forward(randn([4, 2]));
  layer.forwardBatches(randn([6, 2]), [4, 2]);
  layer.eval().forward(randn([4, 2]));
  expect(sums).toEqual([5, 10]);
  expect(layer.batchesTracked.item()).toBe(3);
});
