import { describe, expect, it } from "vitest";
import {
  type DType,
  functional,
  grad,
  manualSeed,
  ones,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "./index.js";

interface Shape {
  input: [number, number, number, number];
  tokens: number;
  activation?: functional.Activation;
  training?: boolean;
}

type Normalize = (input: Tensor, options: functional.BatchNormOptions) => Tensor;

/** By the two functions, apart. */
const apart: Normalize = (input, { attend, scale, shift, ...options }) => {
  const { contexts } = functional.crossAttention(input, attend!.keys, attend!.absent, [scale!, shift!]);
  return functional.batchNorm(input, { ...options, scale: contexts[0]!, shift: contexts[1]! });
};

/** Input, weight, bias, keys, scale and shift. */
type Leaves = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

const largest = (values: Tensor) => values.abs().amax([]).item() as number;

function inputsOf({ input: [B, C, H, W], tokens }: Shape) {
  manualSeed(4);
  const absent = Array.from({ length: B * tokens }, (_, i) => i % tokens > Math.floor(i / tokens) * 2);
  return {
    leaves: [
      randn([B, C, H, W]).mul(0.6).add(1).contiguous("channels_last"),
      randn([C]).add(1),
      randn([C]),
      randn([B, tokens, C]).mul(0.5),
      randn([B, tokens, C]),
      randn([B, tokens, C]),
    ],
    absent: tensor(absent, { dtype: "bool" }).view(B, tokens),
  };
}

/** The result, the running statistics and all gradients, of order 1 or 2. */
function everything(normalize: Normalize, shape: Shape, dtype: DType, order: 1 | 2) {
  const { leaves, absent } = inputsOf(shape);
  const wide = dtype === "float64" ? "float64" : "float32"; // Of weight and bias.
  const own = leaves.map((leaf, i) => leaf.to(i === 1 || i === 2 ? wide : dtype).clone());
  for (const leaf of own) leaf.requiresGrad = true;
  const [input, weight, bias, keys, scale, shift] = own as Leaves;
  const C = shape.input[1];
  const runningMean = zeros([C], { dtype: wide }).add(0.3);
  const runningVar = ones([C], { dtype: wide }).mul(2);
  const { activation = "none", training = true } = shape;
  const options = { weight, bias, runningMean, runningVar, scale, shift, activation, training, slope: 0.2 };
  const output = normalize(input, { ...options, attend: { keys, absent } });
  manualSeed(5);
  const lossOf = (results: Tensor[]) =>
    results
      .map((one) => one.to("float64").mul(randn(one.shape).to("float64")).square().sum())
      .reduce((sum, one) => sum.add(one));
  if (order === 1) return [output, runningMean, runningVar, ...grad([lossOf([output])], own)];
  const first = grad([lossOf([output])], own, { createGraph: true });
  return grad([lossOf(first)], own);
}

function expectEqual(shape: Shape, dtype: DType, tolerance: number, order: 1 | 2 = 1) {
  const ours = everything(functional.batchNorm, shape, dtype, order);
  const expected = everything(apart, shape, "float64", order);
  for (const [i, wanted] of expected.entries()) {
    const difference = largest(ours[i]!.to("float64").sub(wanted));
    expect(difference, `result ${i}`).toBeLessThanOrEqual(tolerance * Math.max(1, largest(wanted)));
  }
}

const shapes: [string, Shape][] = [
  ["GLU", { input: [3, 32, 9, 7], tokens: 18, activation: "glu" }],
  ["leaky ReLU", { input: [4, 16, 5, 5], tokens: 7, activation: "leaky_relu" }],
  ["no activation", { input: [2, 48, 8, 8], tokens: 3 }],
  [
    "one sample of more positions than a thread's share",
    { input: [1, 16, 40, 40], tokens: 4, activation: "glu" },
  ],
  ["in evaluation", { input: [2, 32, 6, 6], tokens: 9, activation: "glu", training: false }],
  ["a width that fills no vector", { input: [2, 6, 5, 5], tokens: 9, activation: "glu" }],
];

describe("batchNorm of what each position attends to equals crossAttention and batchNorm in float64", () => {
  it.each(shapes)("%s", (_, shape) => expectEqual(shape, "float32", 2e-4));
  it.each(shapes)("%s, in bfloat16", (_, shape) => expectEqual(shape, "bfloat16", 0.06));
  it.each(shapes.slice(0, 2))("%s, second derivatives", (_, shape) => expectEqual(shape, "float32", 1e-3, 2));
});

it("an image in evaluation does not depend on the other images of its batch", () => {
  const { leaves, absent } = inputsOf({ input: [3, 16, 6, 6], tokens: 5 });
  const [input, weight, bias, keys, scale, shift] = leaves as Leaves;
  const options = { weight, bias, scale, shift, attend: { keys, absent }, training: false };
  const running = { runningMean: zeros([16]), runningVar: ones([16]) };
  const whole = functional.batchNorm(input, { ...options, ...running });
  const one = (x: Tensor) => x.narrow(0, 1, 1);
  const alone = functional.batchNorm(one(input), {
    ...options,
    ...running,
    scale: one(scale),
    shift: one(shift),
    attend: { keys: one(keys), absent: one(absent) },
  });
  expect(largest(alone.sub(one(whole)))).toBe(0);
});

it("needs no weights, bias and running statistics", () => {
  const { leaves, absent } = inputsOf({ input: [3, 16, 5, 5], tokens: 5 });
  const [input, , , keys, scale, shift] = leaves as Leaves;
  input.requiresGrad = true;
  const options = { scale, shift, attend: { keys, absent }, training: true };
  const [ours, theirs] = [functional.batchNorm(input, options), apart(input, options)];
  expect(largest(ours.sub(theirs))).toBeLessThan(1e-4);
  const [own] = grad([ours.square().sum()], [input]);
  const [expected] = grad([theirs.square().sum()], [input]);
  expect(largest(own!.sub(expected!))).toBeLessThan(1e-3 * largest(expected!));
});

it("refuses what does not fit", () => {
  const { leaves, absent } = inputsOf({ input: [2, 16, 4, 4], tokens: 5 });
  const [input, weight, bias, keys, scale, shift] = leaves as Leaves;
  const options = { weight, bias, scale, shift, training: true };
  const attend = { keys: zeros([2, 5, 15]), absent };
  expect(() => functional.batchNorm(input, { ...options, attend })).toThrow(/attended_batch_norm/);
  expect(() => functional.batchNorm(input.flatten(2), { ...options, attend: { keys, absent } })).toThrow(
    /attended_batch_norm/,
  );
  expect(() =>
    functional.batchNorm(input, { weight, bias, training: true, attend: { keys, absent } }),
  ).toThrow("attend needs scale and shift");
});
