import { describe, expect, it } from "vitest";
import { type DType, functional, grad, manualSeed, randn, type Tensor, tensor, zeros } from "./index.js";

type Attend = typeof functional.crossAttention;

/** The formula, by plain operators. */
const byOperators: Attend = (features, keys, absent, values) => {
  const [B, C, H, W] = features.shape as [number, number, number, number];
  const scores = features
    .permute(0, 2, 3, 1)
    .reshape(B, H * W, C)
    .matmul(keys.transpose(1, 2));
  const attention = scores.maskedFill(absent.unsqueeze(1), -Infinity).softmax(2);
  const contexts = values.map((value) =>
    attention.matmul(value).view(B, H, W, value.size(2)).permute(0, 3, 1, 2),
  );
  return { attention, contexts };
};

const largest = (tensor: Tensor) => tensor.abs().amax([]).item() as number;

interface Shape {
  features: [number, number, number, number];
  tokens: number;
  widths: number[];
  /** Factor of the features, and so of the scores. */
  scale?: number;
}

function randomInputs({ features: [B, C, H, W], tokens, widths, scale = 1 }: Shape) {
  manualSeed(3);
  const features = randn([B, C, H, W]).mul(scale).contiguous("channels_last");
  const keys = randn([B, tokens, C]);
  const values = widths.map((width) => randn([B, tokens, width]));
  // Image b has one token less than image b − 1, down to one.
  const lengths = Array.from({ length: B }, (_, b) => Math.max(1, tokens - b));
  const absent = tensor(
    lengths.flatMap((length) => Array.from({ length: tokens }, (_, t) => t >= length)),
    { dtype: "bool" },
  ).view(B, tokens);
  return { features, keys, absent, values };
}

/** All results and gradients of a loss that weights every element of every result differently. */
function everything(attend: Attend, given: ReturnType<typeof randomInputs>, dtype: DType, order: 1 | 2) {
  const leaves = [given.features, given.keys, ...given.values].map((one) => one.to(dtype).clone());
  for (const leaf of leaves) leaf.requiresGrad = true;
  const [features, keys, ...values] = leaves as [Tensor, Tensor, ...Tensor[]];
  const { attention, contexts } = attend(features, keys, given.absent, values);
  manualSeed(9);
  const sumOf = (outputs: Tensor[]) =>
    outputs
      .map((output) => output.to("float64").mul(randn(output.shape).to("float64")).square().sum())
      .reduce((sum, one) => sum.add(one));
  const loss = sumOf([attention, ...contexts]);
  if (order === 1) return [attention, ...contexts, ...grad([loss], leaves)];
  const first = grad([loss], leaves, { createGraph: true });
  return grad([sumOf(first)], leaves);
}

function expectEqual(shape: Shape, dtype: DType, tolerance: number, order: 1 | 2 = 1) {
  const given = randomInputs(shape);
  const ours = everything(functional.crossAttention, given, dtype, order);
  const theirs = everything(byOperators, given, "float64", order);
  for (const [i, expected] of theirs.entries()) {
    const difference = largest(ours[i]!.to("float64").sub(expected));
    expect(difference, `result ${i}`).toBeLessThanOrEqual(tolerance * Math.max(1, largest(expected)));
  }
}

const shapes: [string, Shape][] = [
  ["γ and β of a stage", { features: [3, 32, 9, 7], tokens: 18, widths: [32, 32], scale: 0.3 }],
  ["widths that fill no vector", { features: [2, 5, 3, 11], tokens: 7, widths: [3, 13] }],
  ["one position, one token, one channel", { features: [2, 1, 1, 1], tokens: 1, widths: [1] }],
  ["more positions than a thread's share", { features: [1, 8, 40, 40], tokens: 4, widths: [8] }],
  ["scores whose exponential overflows", { features: [2, 16, 4, 4], tokens: 9, widths: [16], scale: 50 }],
  ["no values", { features: [2, 16, 4, 4], tokens: 9, widths: [] }],
];

describe("crossAttention equals the formula in float64, results and gradients", () => {
  it.each(shapes)("%s", (_, shape) => expectEqual(shape, "float32", 3e-5));
  it.each(shapes.slice(0, 2))("%s, in bfloat16", (_, shape) => expectEqual(shape, "bfloat16", 0.05));
  it.each(shapes.slice(0, 2))("%s, second derivatives", (_, shape) => expectEqual(shape, "float32", 1e-4, 2));
  it("float64 and other layouts use libtorch's operators", () => {
    const { features, keys, absent, values } = randomInputs(shapes[0]![1]);
    const expected = byOperators(
      features.to("float64"),
      keys.to("float64"),
      absent,
      values.map((v) => v.to("float64")),
    );
    const contiguous = functional.crossAttention(features.contiguous(), keys, absent, values);
    expect(largest(contiguous.contexts[1]!.to("float64").sub(expected.contexts[1]!))).toBeLessThan(1e-5);
    const precise = functional.crossAttention(
      features.to("float64"),
      keys.to("float64"),
      absent,
      values.map((v) => v.to("float64")),
    );
    expect(largest(precise.contexts[1]!.sub(expected.contexts[1]!))).toBeLessThan(1e-12);
  });
});

it("absent tokens get weight 0 and no gradient, whatever their keys and values", () => {
  const { features, keys, absent, values } = randomInputs({
    features: [2, 16, 5, 5],
    tokens: 6,
    widths: [16],
  });
  const far = absent.unsqueeze(2).to("float32").mul(1e4);
  const changedKeys = keys.add(far);
  changedKeys.requiresGrad = true;
  const changedValues = values[0]!.add(far);
  changedValues.requiresGrad = true;
  const plain = functional.crossAttention(features, keys, absent, values);
  const changed = functional.crossAttention(features, changedKeys, absent, [changedValues]);
  expect(largest(changed.contexts[0]!.sub(plain.contexts[0]!))).toBe(0);
  const gradients = grad([changed.contexts[0]!.square().sum()], [changedKeys, changedValues]);
  for (const gradient of gradients) expect(largest(gradient.mul(absent.unsqueeze(2).to("float32")))).toBe(0);
});

it("the results do not depend on the other images of a batch", () => {
  const { features, keys, absent, values } = randomInputs(shapes[0]![1]);
  const whole = functional.crossAttention(features, keys, absent, values);
  const one = (x: Tensor) => x.narrow(0, 1, 1);
  const alone = functional.crossAttention(one(features), one(keys), one(absent), values.map(one));
  expect(largest(alone.contexts[0]!.sub(one(whole.contexts[0]!)))).toBe(0);
});

it("refuses what does not fit", () => {
  const { features, keys, absent, values } = randomInputs(shapes[0]![1]);
  expect(() => functional.crossAttention(features.flatten(2), keys, absent, values)).toThrow(
    /cross_attention/,
  );
  expect(() => functional.crossAttention(features, zeros([3, 18, 31]), absent, values)).toThrow(
    /cross_attention/,
  );
});

it("second derivatives count each use of a tensor that is both keys and values, or from which values are computed", () => {
  const { features, keys, absent } = randomInputs(shapes[0]![1]);
  const second = (attend: Attend, dtype: DType) => {
    const leaves = [features, keys].map((one) => one.to(dtype).clone());
    for (const leaf of leaves) leaf.requiresGrad = true;
    const [x, words] = leaves as [Tensor, Tensor];
    const { contexts } = attend(x, words, absent, [words, words.square()]);
    const first = grad([contexts[0]!.mul(contexts[1]!).sum()], leaves, { createGraph: true });
    return grad([first[0]!.square().sum().add(first[1]!.square().sum())], leaves);
  };
  const expected = second(byOperators, "float64");
  for (const [i, actual] of second(functional.crossAttention, "float32").entries())
    expect(largest(actual.to("float64").sub(expected[i]!))).toBeLessThan(1e-4 * largest(expected[i]!));
});
