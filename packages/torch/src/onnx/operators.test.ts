import { describe, it } from "vitest";
import * as torch from "../index.js";
import {
  cat,
  functional,
  manualSeed,
  ones,
  randn,
  stack,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../index.js";
import { expectAgreement } from "../testing/onnx.js";

manualSeed(3);
const x = randn([2, 3, 4]);
const y = randn([2, 3, 4]);
const positive = x.abs().add(0.1);
const image = randn([2, 4, 6, 6]);
const whole = tensor(
  [
    [3, -4, 5],
    [7, 8, -9],
  ],
  { dtype: "int64" },
);
const mask = x.gt(0);
const ends = tensor([2, 1, 0, 2], { dtype: "int64" });

type Case = [name: string, fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[], ...inputs: Tensor[]];

const elementwise: Case[] = [
  ["add with a factor", (a, b) => a!.add(b!, 2), x, y],
  ["sub of a number", (a) => a!.sub(1.5), x],
  ["mul with broadcasting", (a, b) => a!.mul(b!), x, y.index(0, 0, 0)],
  ["div", (a, b) => a!.div(b!), x, positive],
  ["pow of a number", (a) => a!.pow(2), x],
  ["pow of a tensor", (a, b) => a!.pow(b!), positive, y],
  ["remainder", (a) => a!.remainder(0.7), x],
  ["remainder of integers", (a) => a!.remainder(3), whole],
  ["integers and floats", (a, b) => a!.add(b!), whole, randn([2, 3])],
  ["integers and a fraction", (a) => a!.mul(0.5), whole],
  ["a quotient of integers", (a) => a!.div(2), whole],
  ["minimum and maximum", (a, b) => [a!.minimum(b!), a!.maximum(b!)], x, y],
  ["neg, abs, sign, square", (a) => [a!.neg(), a!.abs(), a!.sign(), a!.square()], x],
  ["exp and log", (a) => [a!.exp(), a!.log()], positive],
  ["roots", (a) => [a!.sqrt(), a!.rsqrt(), a!.reciprocal()], positive],
  ["sin and cos", (a) => [a!.sin(), a!.cos()], x],
  ["activations", (a) => [a!.tanh(), a!.sigmoid(), a!.relu(), a!.leakyRelu(0.2), a!.softplus()], x],
  ["gelu and silu", (a) => [functional.gelu(a!), functional.silu(a!)], x],
  ["gelu by tanh", (a) => functional.gelu(a!, { approximate: "tanh" }), x],
  ["round, floor, ceil", (a) => [a!.round(), a!.floor(), a!.ceil()], x.mul(3)],
  ["clamp", (a) => [a!.clamp(-0.5, 0.5), a!.clamp(undefined, 0), a!.clamp(0)], x],
  [
    "comparison",
    (a, b) => [a!.eq(b!), a!.ne(b!), a!.gt(b!), a!.ge(b!), a!.lt(b!), a!.le(b!)],
    whole,
    whole.abs(),
  ],
  ["comparison with a fraction", (a) => [a!.gt(3.5), a!.le(3.5)], whole],
  ["logic", (a, b) => [a!.logicalNot(), a!.logicalAnd(b!), a!.logicalOr(b!)], mask, y.gt(0)],
  ["isnan and isfinite", (a) => [a!.isnan(), a!.isfinite()], tensor([1, Number.NaN, Infinity, -Infinity])],
  ["maskedFill and where", (a, b, c) => [a!.maskedFill(c!, 7), where(c!, a!, b!)], x, y, mask],
  ["conversion", (a) => [a!.to("int64"), a!.to("float64"), a!.gt(0).to("float32")], x.mul(5)],
];

const reductions: Case[] = [
  ["sum", (a) => [a!.sum(), a!.sum(1), a!.sum([0, -1], true)], x],
  ["mean", (a) => [a!.mean(), a!.mean(1), a!.mean([0, 2], true)], x],
  ["prod", (a) => [a!.prod(), a!.prod(1)], x],
  ["a sum of bool", (a) => a!.sum(1), mask],
  ["var and std", (a) => [a!.var(1), a!.var([0, 2], { correction: 0, keepDim: true }), a!.std(2)], x],
  ["logsumexp", (a) => a!.logsumexp(2), x],
  ["largest and smallest", (a) => [a!.amax(1), a!.amin([0, 2]), a!.max(), a!.min()], x],
  ["largest with index", (a) => [...a!.max(1), ...a!.min(2, true)], x],
  ["argmax and argmin", (a) => [a!.argmax(), a!.argmax(1), a!.argmin(2, true)], x],
  ["norm", (a) => [a!.norm(), a!.norm(1, true)], x],
  ["softmax", (a) => [a!.softmax(1), a!.logSoftmax(-1)], x],
  ["cumsum", (a) => a!.cumsum(1), x],
  ["sort", (a) => [...a!.sort(1), ...a!.sort(-1, { descending: true }), a!.argsort(0)], x],
  ["topk", (a) => [...a!.topk(2), ...a!.topk(1, 1, { largest: false })], x],
];

const shapes: Case[] = [
  ["view and reshape", (a) => [a!.view(6, 4), a!.reshape(-1), a!.reshape(2, 2, 6)], x],
  ["permute, transpose, t", (a) => [a!.permute(2, 0, 1), a!.transpose(0, -1), a!.select(0, 1).t()], x],
  ["flatten", (a) => [a!.flatten(), a!.flatten(1)], x],
  [
    "squeeze and unsqueeze",
    (a) => [a!.unsqueeze(-1), a!.unsqueeze(0).squeeze(0), a!.unsqueeze(1).squeeze()],
    x,
  ],
  ["expand", (a) => a!.unsqueeze(1).expand(-1, 5, -1, -1), x],
  ["repeat", (a) => [a!.repeat(1, 2, 1), a!.repeat(2, 1, 1, 2)], x],
  ["flip and roll", (a) => [a!.flip(0, -1), a!.roll(1, 2), a!.roll(-2, 1)], x],
  ["triu and tril", (a) => [a!.triu(), a!.tril(1)], x],
  ["narrow and select", (a) => [a!.narrow(2, 1, 2), a!.select(1, -1)], x],
  ["chunk, split, unbind", (a) => [...a!.chunk(2, 2), ...a!.split([1, 2], 1), ...a!.unbind(1)], x],
  [
    "index",
    (a) => [a!.index(0), a!.index("...", torch.slice(1, -1)), a!.index(torch.slice(), null, [2, 0])],
    x,
  ],
  ["index with a step", (a) => a!.index(torch.slice(), torch.slice(undefined, undefined, 2)), x],
  ["index of integers", (a, b) => a!.index(torch.slice(), torch.slice(), b!), x, ends],
  ["indexSelect", (a, b) => a!.indexSelect(2, b!), x, ends],
  ["gather", (a, b) => a!.gather(2, b!), x, x.argsort(2)],
  ["cat and stack", (a, b) => [cat([a!, b!], 1), stack([a!, b!], 2), stack([a!, b!], -1)], x, y],
  ["contiguous, clone, detach", (a) => a!.transpose(0, 1).contiguous().clone().detach(), x],
  [
    "filled tensors",
    (a) => [a!.add(ones([3, 1])), a!.add(torch.zerosLike(a!)), a!.mul(torch.onesLike(a!))],
    x,
  ],
];

const layers: Case[] = [
  ["matmul and bmm", (a, b) => [a!.matmul(b!), a!.bmm(b!)], x, randn([2, 4, 5])],
  ["linear", (a) => functional.linear(a!, seeded(5, 4), seeded(5)), x],
  ["linear of rows", (a) => functional.linear(a!, seeded(5, 4), seeded(5)), randn([3, 4])],
  ["conv2d", (a) => functional.conv2d(a!, seeded(8, 4, 3, 3), { bias: seeded(8), padding: 1 }), image],
  [
    "conv2d with stride, dilation and groups",
    (a) =>
      functional.conv2d(a!, seeded(8, 2, 3, 1), {
        stride: [2, 1],
        dilation: [2, 1],
        groups: 2,
        padding: [1, 0],
      }),
    image,
  ],
  [
    "convTranspose2d",
    (a) => functional.convTranspose2d(a!, seeded(4, 8, 4, 4), { stride: 2, padding: 1 }),
    image,
  ],
  [
    "convTranspose2d with bias",
    (a) => functional.convTranspose2d(a!, seeded(4, 8, 3, 3), { bias: seeded(8) }),
    image,
  ],
  [
    "convTranspose2d with groups",
    (a) =>
      functional.convTranspose2d(a!, seeded(4, 3, 3, 3), {
        bias: seeded(6),
        stride: 2,
        outputPadding: 1,
        groups: 2,
      }),
    image,
  ],
  ["batchNorm", (a) => functional.batchNorm(a!, statistics), image],
  [
    "batchNorm with an activation",
    (a) => [
      functional.batchNorm(a!, { ...statistics, activation: "glu" }),
      functional.batchNorm(a!, { ...statistics, activation: "leaky_relu", slope: 0.2 }),
    ],
    image,
  ],
  [
    "batchNorm with a modulation",
    (a, b, c) => functional.batchNorm(a!, { ...statistics, scale: b!, shift: c!, activation: "glu" }),
    image,
    randn([2, 4, 1, 1]),
    randn([2, 4, 1, 1]),
  ],
  [
    "batchNorm with a modulation of places",
    (a, b, c) => functional.batchNorm(a!, { ...statistics, scale: b!, shift: c! }),
    image,
    randn([2, 4, 6, 6]),
    randn([2, 4, 6, 6]),
  ],
  ["batchNorm of rows", (a) => functional.batchNorm(a!, statistics), randn([5, 4])],
  ["glu", (a) => [functional.glu(a!, 1), functional.glu(a!, -1)], image],
  [
    "layerNorm",
    (a) => [
      functional.layerNorm(a!, [4]),
      functional.layerNorm(a!, [3, 4], { weight: seeded(3, 4), bias: seeded(3, 4) }),
    ],
    x,
  ],
  [
    "groupNorm",
    (a) => [functional.groupNorm(a!, 2), functional.groupNorm(a!, 2, { weight: seeded(4), bias: seeded(4) })],
    image,
  ],
  [
    "avgPool2d",
    (a) => [
      functional.avgPool2d(a!, 2),
      functional.avgPool2d(a!, 3, { stride: 2, padding: 1, countPadding: false }),
    ],
    image,
  ],
  [
    "maxPool2d",
    (a) => [functional.maxPool2d(a!, 2), functional.maxPool2d(a!, [3, 2], { stride: 1, padding: 1 })],
    image,
  ],
  [
    "adaptiveAvgPool2d",
    (a) => [functional.adaptiveAvgPool2d(a!, 1), functional.adaptiveAvgPool2d(a!, [2, 3])],
    image,
  ],
  ["globalAveragePool", (a) => functional.globalAveragePool(a!), image],
  ["upsampleNearest", (a) => functional.upsampleNearest(a!, 2), image],
  [
    "upsampleBilinear",
    (a) => [functional.upsampleBilinear(a!, 12, 12), functional.upsampleBilinear(a!, 9, 5)],
    image,
  ],
  ["embedding", (a) => functional.embedding(seeded(10, 3), a!), ends],
  ["dropout in evaluation", (a) => functional.dropout(a!, 0.5, false), x],
  ["cosineSimilarity", (a, b) => functional.cosineSimilarity(a!, b!, -1), x, y],
  [
    "crossAttention",
    (a, b, c) => {
      const { attention, contexts } = functional.crossAttention(a!, b!, c!, [b!, b!.narrow(2, 0, 2)]);
      return [attention, ...contexts];
    },
    image,
    randn([2, 3, 4]),
    tensor(
      [
        [false, false, true],
        [false, true, true],
      ],
      { dtype: "bool" },
    ),
  ],
  [
    "wordAttention",
    (a, b) => functional.wordAttention(a!, b!, 4),
    randn([2, 5, 3, 4]),
    zeros([3, 4], { dtype: "bool" }),
  ],
];

const statistics = {
  training: false,
  weight: randn([4]),
  bias: randn([4]),
  runningMean: randn([4]),
  runningVar: randn([4]).abs().add(0.5),
};

const weights = new Map<string, Tensor>();

/** Random weights, the same in every call. */
function seeded(...shape: number[]): Tensor {
  const key = shape.join();
  const made = weights.get(key) ?? randn(shape);
  weights.set(key, made);
  return made;
}

describe.each([
  ["elementwise operators", elementwise],
  ["reductions", reductions],
  ["shapes", shapes],
  ["layers", layers],
] as const)("%s in onnxruntime give libtorch's results", (_, cases) => {
  it.each(cases)("%s", async (_name, fn, ...inputs) => {
    await expectAgreement(fn, inputs, { tolerance: 1e-5 });
  });
});
