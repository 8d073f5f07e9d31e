import { describe, expect, it } from "vitest";
import { functional, grad, manualSeed, noGrad, ones, type Tensor, tensor, zeros } from "../index.js";
import { processorHasBfloat16 } from "../processor.js";
import { formula } from "../testing/formula.js";
import { gradcheck } from "../testing/gradcheck.js";
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  init,
  Lambda,
  Linear,
  Sequential,
} from "./index.js";

const close = (found: Tensor, expected: readonly number[], digits = 12) => {
  const values = found.toNumbers();
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, digits);
};

describe("Linear and Conv2d", () => {
  it("compute with their weights", () => {
    const linear = new Linear(2, 1);
    linear.loadStateDict(new Map([["weight", tensor([[2, 3]])], ["bias", tensor([1])]])); // biome-ignore format: pairs
    expect(linear.forward(tensor([[1, 1], [0, 2]])).toNumbers()).toEqual([6, 7]); // biome-ignore format: rows
    const conv = new Conv2d(1, 1, 3, { padding: 1, stride: 2, bias: false });
    noGrad(() => conv.weight.fill_(1));
    expect(conv.forward(ones([1, 1, 3, 3])).toNumbers()).toEqual([4, 4, 4, 4]);
    expect([...conv.stateDict().keys()]).toEqual(["weight"]);
  });

  it("have PyTorch's initial distribution: uniform within ± 1 / √(fan in)", () => {
    manualSeed(0);
    const bound = 1 / Math.sqrt(1000);
    for (const parameter of new Linear(1000, 50).parameters()) {
      const largest = parameter
        .abs()
        .amax(parameter.dim === 2 ? [0, 1] : 0)
        .item();
      expect(largest).toBeLessThanOrEqual(bound);
      expect(largest).toBeGreaterThan(0.9 * bound);
    }
  });

  it("refuse integer inputs, whose dtype would turn the weights into zeros", () => {
    for (const dtype of ["uint8", "int8", "int16", "int32", "int64", "bool"] as const) {
      const refusal = (layer: string, shape: string) =>
        `${layer}: expected an input of a floating-point dtype, found Tensor ${dtype}${shape}; convert it first: input.to("float32")`;
      expect(() => new Linear(2, 1).forward(ones([3, 2], { dtype }))).toThrow(refusal("Linear", "[3, 2]"));
      const image = ones([1, 2, 4, 4], { dtype });
      expect(() => new Conv2d(2, 1, 3).forward(image)).toThrow(refusal("Conv2d", "[1, 2, 4, 4]"));
    }
    expect(new Linear(2, 1).forward(ones([3, 2], { dtype: "float16" }).to("float32")).dtype).toBe("float32");
  });

  it("compute in the input's dtype, and keep channels-last", () => {
    const conv = new Conv2d(4, 8, 3, { padding: 1 });
    const input = ones([2, 4, 5, 5]).to({ dtype: "bfloat16", memoryFormat: "channels_last" });
    const output = conv.forward(input);
    expect([output.dtype, output.isContiguous("channels_last")]).toEqual(["bfloat16", true]);
    output.sum().backward();
    expect([conv.weight.dtype, conv.weight.grad?.dtype]).toEqual(["float32", "float32"]);
    const exact = conv.forward(ones([2, 4, 5, 5]));
    expect(output.to("float32").sub(exact).abs().amax([0, 1, 2, 3]).item()).toBeLessThan(0.02);
  });

  it.each([
    { kernel: 4, stride: 2, padding: 1, size: 8 },
    { kernel: 3, stride: 2, padding: 1, size: 7 },
    { kernel: 4, stride: 4, padding: 0, size: 9 },
  ])("are the same with gradients as one product, of few places: $kernel×$kernel", (options) => {
    const { kernel, size } = options;
    const rounded = (values: Tensor) => values.to("bfloat16").to("float64");
    const [input, weight] = [formula([2, 6, size, size]), formula([40, 6, kernel, kernel], 7)].map(rounded);
    const run = (half: boolean) => {
      const leaves = [input!, weight!].map((values) => {
        const leaf = half ? values.to({ dtype: "bfloat16", memoryFormat: "channels_last" }) : values.clone();
        leaf.requiresGrad = true;
        return leaf;
      });
      const output = functional.conv2d(leaves[0]!, leaves[1]!, options);
      const towards = rounded(formula(output.shape, 3)).to(output.dtype);
      return { output, all: [output, ...grad([output.mul(towards).sum()], leaves)] };
    };
    // On a processor without bfloat16, libtorch computes it, with sums in bfloat16.
    const tolerance = processorHasBfloat16() ? 0.01 : 0.3;
    const [exact, product] = [run(false), run(true)];
    expect(product.output.isContiguous("channels_last")).toBe(true);
    for (const [i, { shape }] of exact.all.entries()) expect(product.all[i]!.shape).toEqual(shape);
    for (const [i, found] of product.all.entries()) {
      const scale = exact.all[i]!.abs().amax([]).item();
      expect(found.to("float64").sub(exact.all[i]!).abs().amax([]).item()).toBeLessThan(tolerance * scale);
    }
  });

  it("accept separate kernels and paddings for height and width", () => {
    const row = new Conv2d(1, 1, [1, 3], { padding: [0, 1], bias: false });
    expect(row.weight.shape).toEqual([1, 1, 1, 3]);
    init.constant(row.weight, 1);
    const input = tensor([1, 2, 3, 4, 5, 6], { shape: [1, 1, 2, 3] });
    expect(row.forward(input).toNumbers()).toEqual([3, 6, 5, 9, 15, 11]);
  });

  it("refuse inputs with other channels, and report both shapes", () => {
    expect(() => new Linear(3, 2).forward(ones([4, 5]))).toThrow(
      /aten::linear\(input: tensor float32\[4, 5\], weight: tensor float32\[2, 3\]/,
    );
    expect(() => new Conv2d(3, 2, 3).forward(ones([1, 4, 8, 8]))).toThrow(
      /aten::conv2d\(input: tensor float32\[1, 4, 8, 8\]/,
    );
  });
});

describe("pools", () => {
  const input = () => tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], { shape: [1, 1, 3, 3] });

  it("use adjacent squares, and leave out incomplete ones", () => {
    expect(functional.avgPool2d(input(), 2).toNumbers()).toEqual([3]);
    expect(functional.maxPool2d(input(), 2).toNumbers()).toEqual([5]);
  });

  it("count padding as zeros in a mean or ignore it, and never as the largest", () => {
    const around = { stride: 2, padding: 1 };
    const zeros = functional.avgPool2d(input(), 3, around).toNumbers();
    for (const [i, sum] of [12, 16, 24, 28].entries()) expect(zeros[i]).toBeCloseTo(sum / 9, 6);
    expect(functional.avgPool2d(input(), 3, { ...around, countPadding: false }).toNumbers()).toEqual([
      3, 4, 6, 7,
    ]);
    expect(functional.maxPool2d(input().neg(), 3, around).toNumbers()).toEqual([-1, -2, -4, -5]);
  });
});

describe("BatchNorm", () => {
  // Expected numbers are PyTorch's, from nn.BatchNorm2d in float64 with the same formula for its input.
  const layer = () => {
    const made = new BatchNorm2d(2).to({ dtype: "float64" });
    noGrad(() => {
      made.weight.copy_(tensor([1.5, -0.5], { dtype: "float64" }));
      made.bias.copy_(tensor([0.1, 0.2], { dtype: "float64" }));
    });
    return made;
  };
  const input = () => formula([2, 2, 1, 2], 0.7, 0.3);

  it("normalizes with the batch's statistics in training, and keeps running ones", () => {
    const bn = layer();
    const trained = [0.541806959495748, 2.1096837338975796, -0.3845311072188234, -0.2068322950946415, -0.18746375397224235, -2.064026939421085, 0.7221159384547301, 0.6692474638587348]; // biome-ignore format: numbers
    close(bn.forward(input()), trained);
    close(bn.runningMean, [0.014167849073995202, -0.0048464195595407655]);
    close(bn.runningVar, [0.9363737820687531, 1.0055437250402375]);
    expect(bn.batchesTracked.item()).toBe(1);
    expect(bn.batchesTracked.dtype).toBe("int64");

    bn.eval();
    const evaluated = [0.536128910087731, 1.3824161773294426, -0.29687776416799155, -0.13921415320221467, 0.14249305218320948, -0.8704127806911826, 0.6849969439396262, 0.6380892887256342]; // biome-ignore format: numbers
    close(bn.forward(input()), evaluated);
    close(bn.runningMean, [0.014167849073995202, -0.0048464195595407655]);
    expect(bn.batchesTracked.item()).toBe(1);
  });

  it("has PyTorch's names", () => {
    expect([...new BatchNorm1d(3).stateDict().keys()]).toEqual([
      "weight",
      "bias",
      "running_mean",
      "running_var",
      "num_batches_tracked",
    ]);
  });

  it("refuses training on one value, and other numbers of channels", () => {
    expect(() => new BatchNorm1d(3).forward(ones([1, 3]))).toThrow(/one value per channel/);
    expect(() => new BatchNorm1d(3).forward(ones([2, 4]))).toThrow(
      /::batch_norm\(input: tensor float32\[2, 4\]/,
    );
    expect(new BatchNorm1d(3).eval().forward(ones([1, 3])).shape).toEqual([1, 3]);
  });

  it("accepts bfloat16, keeping its statistics in float32", () => {
    const bn = new BatchNorm2d(3);
    expect(bn.forward(formula([2, 3, 4, 4]).to("bfloat16")).dtype).toBe("bfloat16");
    expect(bn.runningMean.dtype).toBe("float32");
  });
});

describe("Embedding", () => {
  it("returns rows; the padding row is zero and gets no gradient", () => {
    const embedding = new Embedding(5, 3, 0);
    const words = tensor([[1, 0], [1, 4]], { dtype: "int64" }); // biome-ignore format: rows
    const output = embedding.forward(words);
    expect(output.shape).toEqual([2, 2, 3]);
    expect(output.select(0, 0).select(0, 1).toNumbers()).toEqual([0, 0, 0]);
    output.sum().backward();
    expect(embedding.weight.grad?.select(1, 0).toNumbers()).toEqual([0, 2, 0, 0, 1]);
  });

  it("refuses unknown words and fractions", () => {
    const embedding = new Embedding(5, 3);
    for (const word of [5, -1, 1e12]) {
      expect(() => embedding.forward(tensor([word], { dtype: "int64" }))).toThrow(
        /aten::embedding\(weight: tensor float32\[5, 3\], indices: tensor int64\[1\]/,
      );
    }
    expect(() => embedding.forward(tensor([0.5]))).toThrow(/aten::embedding/);
  });
});

describe("Dropout", () => {
  it("drops about p in training, scaling the rest, and nothing in evaluation", () => {
    manualSeed(1);
    const dropout = new Dropout(0.25);
    const values = dropout.forward(ones([4000])).toNumbers();
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(values.filter((value) => value === 0).length / 4000).toBeCloseTo(0.25, 1);
    expect(
      dropout
        .eval()
        .forward(ones([3]))
        .toNumbers(),
    ).toEqual([1, 1, 1]);
  });
});

describe("initial values", () => {
  it("orthogonal: QᵀQ = gain² · 1, for wide, tall and four-dimensional weights", () => {
    for (const shape of [
      [3, 5],
      [5, 3],
      [3, 2, 2, 2],
    ]) {
      // biome-ignore format: shapes
      const weight = init.orthogonal(zeros(shape), 2).view(shape[0]!, -1);
      const gram = shape[0] === 5 ? weight.t().matmul(weight) : weight.matmul(weight.t());
      close(gram, [4, 0, 0, 0, 4, 0, 0, 0, 4], 5);
    }
  });

  it("normal, uniform and constant, without recording", () => {
    manualSeed(2);
    const made = init.normal(zeros([10000], { requiresGrad: true }), 3, 0.5);
    expect(made.mean().item()).toBeCloseTo(3, 1);
    expect(made.std(0).item()).toBeCloseTo(0.5, 1);
    expect(made.isLeaf).toBe(true);
    expect(init.constant(zeros([2]), 7).toNumbers()).toEqual([7, 7]);
  });
});

describe("gradients agree with finite differences", () => {
  const indices = tensor([[1, 3], [0, 1]], { dtype: "int64" }); // biome-ignore format: rows
  const classes = tensor([2, 0, 1], { dtype: "int64" });
  const image = () => formula([2, 3, 4, 4]);
  const f = functional;
  const cases: Record<string, () => [(...x: Tensor[]) => Tensor, Tensor[]]> = {
    linear: () => [(x, w, b) => f.linear(x!, w!, b), [formula([2, 3]), formula([4, 3]), formula([4])]],
    conv2d: () => [
      (x, w, b) => f.conv2d(x!, w!, { bias: b!, padding: 1 }),
      [image(), formula([2, 3, 3, 3]), formula([2])],
    ],
    "conv2d, stride 2": () => [
      (x, w) => f.conv2d(x!, w!, { stride: 2, padding: 1 }),
      [image(), formula([2, 3, 4, 4])],
    ],
    convTranspose2d: () => [
      (x, w) => f.convTranspose2d(x!, w!, { stride: 2, padding: 1 }),
      [image(), formula([3, 2, 4, 4])],
    ],
    "batchNorm, training": () => [
      (x, w, b) => f.batchNorm(x!, { weight: w!, bias: b!, training: true }),
      [image(), formula([3]), formula([3])],
    ],
    "batchNorm, evaluation": () => {
      const running = { runningMean: formula([3]), runningVar: ones([3], { dtype: "float64" }) };
      return [
        (x, w, b) => f.batchNorm(x!, { weight: w!, bias: b!, ...running, training: false }),
        [image(), formula([3]), formula([3])],
      ];
    },
    glu: () => [(x) => f.glu(x!), [formula([2, 4, 3])]],
    upsampleNearest: () => [(x) => f.upsampleNearest(x!, 2), [image()]],
    upsampleBilinear: () => [(x) => f.upsampleBilinear(x!, 7, 5), [image()]],
    avgPool2d: () => [(x) => f.avgPool2d(x!, 2), [image()]],
    "avgPool2d, padded": () => [
      (x) => f.avgPool2d(x!, 3, { stride: 1, padding: 1, countPadding: false }),
      [image()],
    ],
    maxPool2d: () => [(x) => f.maxPool2d(x!, 3, { stride: 2, padding: 1 }), [image()]],
    globalAveragePool: () => [(x) => f.globalAveragePool(x!), [image()]],
    embedding: () => [(w) => f.embedding(w!, indices), [formula([4, 3])]],
    crossEntropy: () => [(x) => f.crossEntropy(x!, classes), [formula([3, 4])]],
    binaryCrossEntropyWithLogits: () => [
      (x, y) => f.binaryCrossEntropyWithLogits(x!, y!.sigmoid()),
      [formula([6]), formula([6], 1.3)],
    ],
    cosineSimilarity: () => [(a, b) => f.cosineSimilarity(a!, b!), [formula([2, 5]), formula([2, 5], 1.1)]],
    leakyRelu: () => [(x) => x!.leakyRelu(0.2), [formula([7])]],
    softmax: () => [(x) => x!.softmax(1), [formula([3, 4])]],
    logSoftmax: () => [(x) => x!.logSoftmax(0), [formula([3, 4])]],
    logsumexp: () => [(x) => x!.logsumexp([0, 1]), [formula([3, 4])]],
    norm: () => [(x) => x!.norm(1), [formula([3, 4])]],
    var: () => [(x) => x!.var([0, 2], { correction: 0 }), [formula([2, 3, 4])]],
    std: () => [(x) => x!.std(1), [formula([2, 3])]],
    "tanh, sigmoid, softplus, exp": () => [
      (x) => x!.tanh().add(x!.sigmoid()).mul(x!.softplus()).add(x!.exp()),
      [formula([5])],
    ],
    bmm: () => [(a, b) => a!.bmm(b!), [formula([2, 3, 4]), formula([2, 4, 2])]],
    "a network": () => {
      const network = new Sequential(
        new Linear(3, 4),
        new BatchNorm1d(4),
        new Lambda((x) => x.tanh()),
        new Linear(4, 2),
      );
      network.to({ dtype: "float64" });
      return [(x) => network.forward(x!), [formula([5, 3]), ...network.parameters()]];
    },
  };

  it.each(Object.keys(cases))("%s", (name) => {
    manualSeed(5);
    const [fn, inputs] = cases[name]!();
    expect(gradcheck(fn, inputs)).toBeLessThan(1e-5);
  });
});
