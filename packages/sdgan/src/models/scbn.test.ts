import { type ScbnKind, scbnKinds } from "@sdgan/core";
import {
  type DType,
  type MemoryFormat,
  manualSeed,
  nn,
  noGrad,
  randn,
  type Tensor,
  tensor,
} from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { captionsOf, padMore, randomText } from "../testing/text.js";
import { SemanticConditionedBatchNorm, SentenceModulation, WordModulation } from "./scbn.js";

const conditioned = scbnKinds.slice(1);
const [channels, textWidth] = [6, 5];
const lengths = [3, 1, 4];

const make = (kind: ScbnKind) => new SemanticConditionedBatchNorm({ channels, textWidth, kind, hidden: 7 });
const silenced = (kind: ScbnKind) => {
  const norm = inGeneralPosition(make(kind)).to({ dtype: "float32" });
  for (const module of norm.modules())
    if (module instanceof SentenceModulation || module instanceof WordModulation) module.zeroInit();
  return norm;
};

beforeEach(() => manualSeed(1));

describe("SCBN with γ_c = β_c = 0", () => {
  const makers = { fresh: make, silenced };
  const formats: [DType, MemoryFormat][] = [
    ["float32", "contiguous"],
    ["float32", "channels_last"],
    ["bfloat16", "channels_last"],
  ];
  const cases = scbnKinds.flatMap((kind) =>
    formats.flatMap(([dtype, memoryFormat]) =>
      (["fresh", "silenced"] as const).map((how) => ({ kind, dtype, memoryFormat, how })),
    ),
  );

  it.each(cases)("is BN bit for bit: $kind, $dtype, $memoryFormat, $how", (given) => {
    const norm = makers[given.how](given.kind);
    const plain = new nn.BatchNorm(channels);
    for (const [name, value] of plain.stateDict()) noGrad(() => value.copy_(norm.stateDict().get(name)!));
    const text = randomText(lengths, textWidth);
    for (const training of [true, true, false]) {
      norm.train(training);
      plain.train(training);
      const x = randn([3, channels, 5, 4]).add(0.5).to(given);
      expectSameBits(norm.forward(x, text), plain.forward(x));
    }
    for (const [name, value] of plain.stateDict()) expectSameBits(norm.stateDict().get(name)!, value);
  });
});

describe("SCBN by hand", () => {
  const scale = 1 / Math.sqrt(1 + 1e-5); // Values 1 and 3 of a channel are ∓1, scaled, when normalized.

  it("at sentence level: γ_c and β_c from a hidden layer with ReLU, equal at every place", () => {
    const norm = new SemanticConditionedBatchNorm({ channels: 2, textWidth: 2, kind: "sentence", hidden: 2 });
    put(norm, {
      weight: [2, 1],
      bias: [0.5, 0],
      "sentence.gamma.0.weight": [1, 0, 0, 1],
      "sentence.gamma.0.bias": [0, 0.5],
      "sentence.gamma.2.weight": [1, 2, 0, -1],
      "sentence.gamma.2.bias": [0, 0.25],
      "sentence.beta.0.weight": [0, 1, 1, 0],
      "sentence.beta.0.bias": [0, 0],
      "sentence.beta.2.weight": [1, 0, 1, 1],
      "sentence.beta.2.bias": [10, 0],
    });
    const x = tensor([
      [[[1, 1]], [[3, 1]]],
      [[[3, 3]], [[3, 1]]],
    ]); // [2, 2, 1, 2]
    const sentence = tensor([
      [1, -1],
      [-2, 1],
    ]);
    const text = { ...randomText([1, 1], 2), sentence };
    // hidden of γ: [1, 0], [0, 1.5]; γ_c: [1, 0.25], [3, −1.25]; hidden of β: [0, 1], [1, 0]; β_c: [10, 1], [11, 1].
    const expected = [
      [10.5 - 3 * scale, 10.5 - 3 * scale, 1 + 1.25 * scale, 1 - 1.25 * scale],
      [11.5 + 5 * scale, 11.5 + 5 * scale, 1 - 0.25 * scale, 1 + 0.25 * scale],
    ];
    expectNumbers(norm.forward(x, text), expected.flat());
  });

  it("at word level: γ_c and β_c of every place from its attention to two words", () => {
    const norm = new SemanticConditionedBatchNorm({ channels: 2, textWidth: 2, kind: "word", hidden: 1 });
    put(norm, {
      weight: [1, 1],
      bias: [0, 0],
      "word.project.weight": [1, 0, 0, 2],
      "word.project.bias": [0, 1],
      "word.gamma.weight": [1, 0, 1, 1],
      "word.gamma.bias": [0, 0.5],
      "word.beta.weight": [0, 1, 2, 0],
      "word.beta.bias": [0.25, 0],
    });
    const x = tensor([[[[1, 3]], [[3, 1]]]]); // Places (1, 3) and (3, 1).
    const words = tensor([
      [
        [1, 0, 7],
        [0, 1, 7],
      ],
    ]); // w_1 = (1, 0), w_2 = (0, 1), and no third one.
    const mask = tensor([[1, 1, 0]], { dtype: "bool" });
    // f(w_1) = (1, 1), f(w_2) = (0, 3): scores 4 and 9 at the first place, 4 and 3 at the second.
    const expected = [softmax(4, 9), softmax(4, 3)].map(([a, b], place) => {
      const vse = [a, a + 3 * b] as const;
      const [gamma, beta] = [
        [vse[0], vse[0] + vse[1] + 0.5],
        [vse[1] + 0.25, 2 * vse[0]],
      ] as const;
      const normalized = place === 0 ? [-scale, scale] : [scale, -scale];
      return normalized.map((value, c) => (1 + gamma[c]!) * value + beta[c]!);
    });
    const byChannel = [0, 1].flatMap((c) => expected.map((place) => place[c]!));
    expectNumbers(norm.forward(x, { words, mask, sentence: tensor([[0, 0]]) }), byChannel);
  });

  it("adds both levels up", () => {
    const norm = inGeneralPosition(make("both"));
    const [sentence, word] = [make("sentence"), make("word")].map((part) => part.to({ dtype: "float64" }));
    for (const part of [sentence!, word!]) {
      for (const [name, value] of part.stateDict()) noGrad(() => value.copy_(norm.stateDict().get(name)!));
    }
    const text = randomText(lengths, textWidth, { dtype: "float64" });
    const x = randn([3, channels, 2, 2], { dtype: "float64" });
    const plain = noGrad(() =>
      make("none")
        .to({ dtype: "float64" })
        .forward(x)
        .mul(norm.weight.view(1, -1, 1, 1)),
    );
    const shifted = plain.add(norm.bias.view(1, -1, 1, 1));
    const sum = sentence!.forward(x, text).add(word!.forward(x, text)).sub(shifted);
    expect(relativeError(norm.forward(x, text), sum)).toBeLessThan(1e-12);
  });
});

describe("SCBN's padding", () => {
  const withWords = ["word", "both"] as const;

  it.each(withWords)("changes nothing, whatever its amount and values: %s", (kind) => {
    const norm = inGeneralPosition(make(kind)).to({ dtype: "float32" }).eval();
    const text = randomText(lengths, textWidth);
    const x = randn([3, channels, 4, 4]);
    const expected = norm.forward(x, text);
    for (const filling of [0, 1e4, Number.NaN]) {
      for (const more of [0, 1, 14])
        expect(relativeError(norm.forward(x, padMore(text, more, filling)), expected)).toBeLessThan(1e-6);
    }
  });

  it.each(withWords)("changes nothing when another caption of the batch needs it: %s", (kind) => {
    const norm = inGeneralPosition(make(kind)).to({ dtype: "float32" }).eval();
    const text = randomText([2, 3, 9], textWidth);
    const x = randn([3, channels, 4, 4]);
    const together = norm.forward(x, text);
    for (const [b, length] of [2, 3, 9].entries()) {
      const { words, sentence, mask } = captionsOf(text, b, 1);
      const own = { words: words.narrow(2, 0, length), sentence, mask: mask.narrow(1, 0, length) };
      const alone = norm.forward(x.narrow(0, b, 1), own);
      expect(relativeError(together.narrow(0, b, 1), alone)).toBeLessThan(1e-6);
    }
  });

  it.each(withWords)("does not affect gradients: %s", (kind) => {
    const norm = inGeneralPosition(make(kind));
    const text = randomText(lengths, textWidth, { dtype: "float64" });
    const x = randn([3, channels, 2, 2], { dtype: "float64", requiresGrad: true });
    const gradients = (filling: number) => {
      x.grad = null;
      for (const parameter of norm.parameters()) parameter.grad = null;
      norm
        .forward(x, padMore(text, 2, filling))
        .square()
        .sum()
        .backward();
      return [x, ...norm.parameters()].map((leaf) => leaf.grad!);
    };
    const expected = gradients(0);
    for (const filling of [1e4, Number.NaN]) {
      for (const [i, gradient] of gradients(filling).entries())
        expect(relativeError(gradient, expected[i]!)).toBeLessThan(1e-9);
    }
  });
});

describe("SCBN's running statistics", () => {
  it.each(scbnKinds)("change once per forward pass in training, and never in evaluation: %s", (kind) => {
    const norm = make(kind);
    const text = randomText(lengths, textWidth);
    const x = randn([3, channels, 4, 4]).mul(2).add(1);
    norm.forward(x, text);
    norm.eval().forward(x, text);
    expect(norm.batchesTracked.item()).toBe(1);
    expectNumbers(norm.runningMean, x.mean([0, 2, 3]).mul(0.1).toNumbers());
    expectNumbers(norm.runningVar, x.var([0, 2, 3]).mul(0.1).add(0.9).toNumbers());
  });
});

describe("SCBN's gradients", () => {
  const cases = conditioned.flatMap((kind) => [true, false].map((training) => ({ kind, training })));

  it.each(cases)("are those of finite differences, with padding: $kind, training $training", (given) => {
    const norm = inGeneralPosition(
      new SemanticConditionedBatchNorm({ channels: 3, textWidth: 4, kind: given.kind, hidden: 5 }),
    ).train(given.training);
    const { words, sentence, mask } = randomText([2, 3, 1], 4, { dtype: "float64" });
    const x = randn([3, 3, 2, 3], { dtype: "float64" });
    gradcheckNetwork(norm, () => norm.forward(x, { words, sentence, mask }), [x, words, sentence]);
  });
});

function expectSameBits(actual: Tensor, expected: Tensor): void {
  expect(actual.dtype).toBe(expected.dtype);
  expect(actual.shape).toEqual(expected.shape);
  expect(Buffer.compare(actual.detach().toBytes(), expected.detach().toBytes())).toBe(0);
}

function expectNumbers(actual: Tensor, expected: number[]): void {
  const shape = actual.shape;
  expect(relativeError(actual, tensor(expected).view(...shape))).toBeLessThan(1e-6);
}

/** Sets parameters by name, from their values in row-major order. */
function put(network: nn.Module, values: Record<string, number[]>): void {
  const state = network.stateDict();
  noGrad(() => {
    for (const [name, value] of Object.entries(values)) {
      const parameter = state.get(name)!;
      parameter.copy_(tensor(value).view(...parameter.shape));
    }
  });
}

function softmax(a: number, b: number): [number, number] {
  const share = 1 / (1 + Math.exp(b - a));
  return [share, 1 - share];
}
