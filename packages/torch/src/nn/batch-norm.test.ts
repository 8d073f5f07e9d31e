import { beforeEach, describe, expect, it } from "vitest";
import {
  type DType,
  functional,
  grad,
  type MemoryFormat,
  manualSeed,
  noGrad,
  ones,
  randn,
  type Tensor,
  zeros,
} from "../index.js";
import { gradcheck, gradgradcheck } from "../testing/gradcheck.js";
import { BatchNorm2d } from "./layers.js";

const activations = ["none", "leaky_relu", "glu"] as const;
const modulations = ["none", "sample", "place"] as const;
/** Batches: the whole input, or parts of it. */
const batches = [undefined, [2, 3, 1]] as const;
const [B, C] = [6, 8];

beforeEach(() => manualSeed(3));

/** What is normalized, and all else that has a gradient. */
function example(
  modulation: (typeof modulations)[number],
  { dtype = "float64" as DType, C: channels = C, H = 5 } = {},
) {
  const draw = (...shape: number[]) => randn(shape, { dtype });
  const x = draw(B, channels, H, 3).mul(2).add(1);
  const of = { sample: [B, channels, 1, 1], place: [B, channels, H, 3] };
  const modulating = modulation === "none" ? [] : [draw(...of[modulation]), draw(...of[modulation])];
  return [x, draw(channels), draw(channels), ...modulating];
}

const normalize =
  (options: Partial<functional.BatchNormOptions>) =>
  (x: Tensor, weight: Tensor, bias: Tensor, scale?: Tensor, shift?: Tensor) =>
    functional.batchNorm(x, {
      ...{ weight, bias, training: true, slope: 0.2 },
      ...(scale && shift && { scale, shift }),
      ...options,
    });

/** The definition, from sums over one batch after another. */
function byDefinition(
  [x, weight, bias, scale, shift]: Tensor[],
  activation: functional.Activation,
  sizes: readonly number[] = [B],
): Tensor[] {
  let first = 0;
  return sizes.map((size) => {
    const part = (tensor: Tensor) => tensor.narrow(0, first, size);
    const own = part(x!);
    const mean = own.mean([0, 2, 3], true);
    const centred = own.sub(mean);
    const normalized = centred.div(centred.square().mean([0, 2, 3], true).add(1e-5).sqrt());
    const spread = (values: Tensor) => values.view(1, -1, 1, 1);
    const gain = scale ? spread(weight!).add(part(scale)) : spread(weight!);
    const offset = shift ? spread(bias!).add(part(shift)) : spread(bias!);
    first += size;
    const y = gain.mul(normalized).add(offset);
    if (activation === "leaky_relu") return y.leakyRelu(0.2);
    return activation === "glu" ? functional.glu(y) : y;
  });
}

const cases = modulations.flatMap((modulation) =>
  activations.flatMap((activation) => batches.map((sizes) => ({ modulation, activation, sizes }))),
);

describe("batchNorm with modulation, activation and batches", () => {
  it.each(cases)("equals its definition: %o", ({ modulation, activation, sizes }) => {
    const inputs = example(modulation);
    const outputs = byDefinition(inputs, activation, sizes);
    const actual = normalize({ activation, ...(sizes && { batches: sizes }) })(
      ...(inputs as [Tensor, Tensor, Tensor]),
    );
    let first = 0;
    for (const expected of outputs) {
      expectClose(actual.narrow(0, first, expected.size(0)), expected, 1e-10);
      first += expected.size(0);
    }
  });

  it.each(cases)("has the gradients of finite differences: %o", ({ modulation, activation, sizes }) => {
    const fn = normalize({ activation, ...(sizes && { batches: sizes }) });
    gradcheck(fn as (...inputs: Tensor[]) => Tensor, example(modulation, { C: 2, H: 1 }));
  });

  const kernels = cases.flatMap((given) =>
    [true, false].flatMap((training) =>
      (
        [
          ["float32", 1e-4],
          ["bfloat16", 4e-2],
        ] as const
      ).map(([dtype, tolerance]) => ({ ...given, training, dtype, tolerance })),
    ),
  );

  it.each(kernels)(
    "is the same by rows: %o",
    ({ modulation, activation, sizes, training, dtype, tolerance }) => {
      const inputs = example(modulation, { dtype: "float32" });
      const [mean, variance] = [randn([C]), randn([C]).square().add(0.5)];
      const results = (lay: { dtype: DType; memoryFormat?: MemoryFormat }) => {
        const isParameter = (tensor: Tensor) => tensor.dim === 1 && lay.dtype !== "float64";
        const leaves = inputs.map((tensor) =>
          (isParameter(tensor)
            ? tensor.clone()
            : tensor.to(tensor.dim === 4 ? lay : { dtype: lay.dtype })
          ).detach(),
        );
        for (const leaf of leaves) leaf.requiresGrad = true;
        const running = [mean, variance].map((one) =>
          lay.dtype === "float64" ? one.to("float64") : one.clone(),
        );
        const z = normalize({
          ...{ activation, training, runningMean: running[0]!, runningVar: running[1]! },
          ...(sizes && { batches: sizes }),
        })(...(leaves as [Tensor, Tensor, Tensor]));
        const gradients = grad([z.to("float32").mul(weighting(z.shape)).sum()], leaves);
        return [z, ...gradients, ...running];
      };
      const expected = results({ dtype: "float64" });
      for (const [i, actual] of results({ dtype, memoryFormat: "channels_last" }).entries())
        expectClose(actual.to("float64"), expected[i]!, tolerance);
    },
  );

  it("has gradients of gradients, also by rows", () => {
    for (const modulation of modulations) {
      const fn = normalize({ activation: "glu", batches: [3, 3] });
      const inputs = example(modulation, { C: 2, H: 1 });
      gradgradcheck(
        fn as (...inputs: Tensor[]) => Tensor,
        inputs.map((one) => one.mul(0.5)),
      );
      const second = (dtype: DType) => {
        const leaves = inputs.map((tensor) =>
          tensor.to(tensor.dim === 4 ? { dtype, memoryFormat: "channels_last" } : { dtype }).detach(),
        );
        for (const leaf of leaves) leaf.requiresGrad = true;
        const z = fn(...(leaves as [Tensor, Tensor, Tensor]));
        const [dx] = grad([z.square().sum()], [leaves[0]!], { createGraph: true });
        return grad([dx!.square().sum()], leaves);
      };
      const expected = second("float64");
      for (const [i, actual] of second("float32").entries())
        expectClose(actual.to("float64"), expected[i]!, 1e-3);
    }
  });

  it("treats several batches like separate calls, also for running statistics", () => {
    const [together, apart] = [new BatchNorm2d(C), new BatchNorm2d(C)];
    const x = randn([B, C, 4, 4]).to({ memoryFormat: "channels_last" });
    const z = together.forwardBatches(x, [4, 2]);
    for (const [first, size] of [
      [0, 4],
      [4, 2],
    ] as const) {
      const part = x.narrow(0, first, size);
      expectClose(z.narrow(0, first, size), apart.forward(part), 1e-6);
    }
    for (const [name, value] of apart.stateDict())
      expectClose(together.stateDict().get(name)!.to("float32"), value.to("float32"), 1e-6);
  });

  it("refuses batches that do not add up to the input, half a modulation, and unknown activations", () => {
    const x = randn([4, 2, 3, 3]);
    const call = (options: object) => () => functional.batchNorm(x, { training: true, ...options });
    expect(call({ batches: [1, 2] })).toThrow(/batches: they have 3 samples together, the input 4/);
    expect(call({ batches: [4, 0] })).toThrow(/batches: expected sizes of 1 to 4/);
    expect(call({ scale: zeros([4, 2, 1, 1]) })).toThrow(/scale and shift: expected both or neither/);
    expect(call({ activation: "gelu" })).toThrow(/activation: expected .* found "gelu"/);
    expect(call({ scale: zeros([4, 5, 1, 1]), shift: zeros([4, 5, 1, 1]) })).toThrow(
      /node_torch::batch_norm/,
    );
    const single = randn([2, 3]);
    expect(() => functional.batchNorm(single, { training: true, batches: [1, 1] })).toThrow(
      /one value per channel/,
    );
  });

  it("propagates NaN through every activation", () => {
    for (const activation of activations) {
      for (const dtype of ["float32", "bfloat16"] as const) {
        const x = ones([2, 4, 2, 2]).to({ dtype, memoryFormat: "channels_last" });
        noGrad(() => x.narrow(1, 0, 1).copy_(ones([2, 1, 2, 2]).mul(Number.NaN)));
        const z = functional.batchNorm(x, { training: true, activation });
        expect(Number.isNaN(z.select(1, 0).sum().item())).toBe(true);
      }
    }
  });
});

function weighting(shape: readonly number[]): Tensor {
  manualSeed(11);
  return randn([...shape]);
}

function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.to("float64"), expected.to("float64")];
  const scale = Math.max(b.abs().flatten().amax(0).item(), 1e-6);
  expect(a.sub(b).abs().flatten().amax(0).item() / scale).toBeLessThan(tolerance);
}

describe("momentum", () => {
  it("null keeps the means over all batches since the last reset, like PyTorch", () => {
    const layer = new BatchNorm2d(2, { momentum: null });
    layer.forward(randn([4, 2, 3, 3]).add(100));
    layer.resetRunningStats();
    expect([layer.runningMean.toNumbers(), layer.runningVar.toNumbers()]).toEqual([
      [0, 0],
      [1, 1],
    ]);
    const inputs = [1, 2, 5].map((scale) => randn([4, 2, 3, 3]).mul(scale).add(scale));
    for (const input of inputs) layer.forward(input);
    const mean = (of: (input: Tensor) => Tensor) =>
      inputs
        .map(of)
        .reduce((sum, one) => sum.add(one))
        .div(3)
        .toNumbers();
    const means = (input: Tensor) => input.mean([0, 2, 3]);
    const variances = (input: Tensor) =>
      input
        .sub(input.mean([0, 2, 3], true))
        .square()
        .sum([0, 2, 3])
        .div(35);
    for (const [own, expected] of [
      [layer.runningMean, mean(means)],
      [layer.runningVar, mean(variances)],
    ] as const)
      for (const [c, value] of own.toNumbers().entries()) expect(value).toBeCloseTo(expected[c]!, 4);
    expect(layer.batchesTracked.item()).toBe(3);
    expect(() => layer.forwardBatches(inputs[0]!, [2, 2])).toThrow(/momentum of null needs one batch/);
    layer.eval();
    expect(layer.forward(inputs[0]!).shape).toEqual([4, 2, 3, 3]);
  });

  it("can be changed between batches", () => {
    const layer = new BatchNorm2d(1);
    expect(layer.momentum).toBe(0.1);
    layer.momentum = 0.5;
    layer.forward(ones([2, 1, 2, 2]).mul(4));
    expect(layer.runningMean.item()).toBeCloseTo(2, 6);
  });
});
