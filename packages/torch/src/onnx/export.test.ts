import { describe, expect, it } from "vitest";
import {
  functional,
  manualSeed,
  memoryInUse,
  nn,
  ones,
  randint,
  randn,
  scope,
  type Tensor,
  tensor,
} from "../index.js";
import { expectAgreement, runModel } from "../testing/onnx.js";
import { decodeModel, type Exportable, exportOnnx, OnnxExportError } from "./index.js";

manualSeed(5);
const typesOf = (file: Uint8Array) => decodeModel(file).graph.node.map(({ opType }) => opType);
const one = { inputs: ["x"], outputs: ["y"] };

describe("dynamic axes", () => {
  it("may have any size, also in shapes that are computed from them", async () => {
    const network = (x: Tensor) => {
      const [batch, words, width] = x.shape as [number, number, number];
      return [
        x.reshape(batch * words, width).mul(2),
        x.permute(2, 0, 1).view(width, batch, words),
        x.add(ones([batch, 1, 1])),
        x
          .unsqueeze(1)
          .expand(batch, 3, words, width)
          .reshape(batch, 3 * words, width),
        x.narrow(1, 0, words - 1).sum(1),
        x.mul(words),
      ];
    };
    const dynamicAxes = { input0: { 0: "batch", 1: "words" } };
    const also = [
      [1, 2],
      [5, 9],
      [3, 3],
    ].map(([batch, words]) => [randn([batch!, words!, 4])]);
    await expectAgreement(network, [randn([2, 3, 4])], { dynamicAxes, also });
  });

  it("may be an image's height and width", async () => {
    const conv = new nn.Conv2d(3, 4, 3, { padding: 1 });
    const network = (x: Tensor) => functional.upsampleNearest(conv.forward(x), 2);
    await expectAgreement(network, [randn([1, 3, 8, 8])], {
      dynamicAxes: { input0: { 2: "height", 3: "width" } },
      also: [[randn([1, 3, 16, 4])]],
    });
  });

  it("are an error where a size is baked into a constant or decides which operators are called", () => {
    const dynamicAxes = { x: { 0: "batch" } };
    const refuse = (network: (x: Tensor) => Tensor, message: RegExp) =>
      expect(() => exportOnnx(network, [randn([3, 2])], { ...one, dynamicAxes })).toThrow(message);
    refuse(
      (x) => x.add(tensor([[x.size(0)]])),
      /^exportOnnx: to\.dtype_layout cannot be exported: a constant among/,
    );
    refuse((x) => (x.size(0) > 3 ? x.relu() : x.tanh()), /whether or with what it is called depends/);
    refuse((x) => x.mul(Math.sqrt(x.size(0))), /a number among its arguments is 1\.73\d*, 2, /);
    expect(() =>
      exportOnnx((x: Tensor) => x, [randn([2])], { ...one, dynamicAxes: { z: { 0: "b" } } }),
    ).toThrow('"z" is not an input');
  });
});

describe("what depends on no input", () => {
  it("is computed once and stored under its module's name", async () => {
    const network = new nn.Sequential(
      new nn.Linear(3, 5),
      new nn.Lambda((x) => x.relu()),
      new nn.Linear(5, 2),
    );
    const scale = randn([2]);
    const file = await expectAgreement(
      (x) => network.forward(x!).mul(scale.exp().add(1).mul(3)),
      [randn([4, 3])],
      {
        modules: { spirals: network },
        dynamicAxes: { input0: { 0: "batch" } },
        also: [[randn([9, 3])]],
      },
    );
    const { graph } = decodeModel(file);
    expect(graph.node.map(({ opType }) => opType)).toEqual(["Gemm", "Relu", "Gemm", "Mul", "Identity"]);
    expect(graph.initializer.map(({ name }) => name)).toEqual([
      ...["spirals.0.weight", "spirals.0.bias", "spirals.2.weight", "spirals.2.bias"],
      "constant",
    ]);
  });

  it("may be prepared in place", async () => {
    await expectAgreement((x) => x!.add(ones([3]).mul_(4).indexPut_([0], 9)), [randn([2, 3])]);
  });
});

describe("batch normalization", () => {
  const statistics = (norm: nn.BatchNorm) => {
    nn.init.normal(norm.runningMean);
    nn.init.uniform(norm.runningVar, 0.2, 3);
    nn.init.normal(norm.weight);
    nn.init.normal(norm.bias);
    return norm;
  };
  const after = (layer: nn.Layer, channels: number) =>
    new nn.Sequential(layer, statistics(new nn.BatchNorm(channels)));

  it.each<[string, nn.Layer, Tensor]>([
    ["Conv", after(new nn.Conv2d(3, 6, 3), 6), randn([2, 3, 5, 5])],
    [
      "ConvTranspose",
      after(new nn.ConvTranspose2d(3, 6, 4, { stride: 2, bias: false }), 6),
      randn([2, 3, 5, 5]),
    ],
    ["Gemm", after(new nn.Linear(3, 6), 6), randn([4, 3])],
  ])("is folded into %s", async (type, network, x) => {
    network.eval();
    const file = await expectAgreement(network, [x], { tolerance: 2e-5 });
    expect(typesOf(file)).toEqual([type, "Identity"]);
  });

  it("is folded into a transposed convolution that doubles the size, which becomes four convolutions", async () => {
    const network = after(new nn.ConvTranspose2d(3, 6, 4, { stride: 2, padding: 1, bias: false }), 6).eval();
    const file = await expectAgreement(network, [randn([2, 3, 5, 4])], { tolerance: 2e-5 });
    const convolutions = ["Conv", "Conv", "Conv", "Conv"];
    expect(typesOf(file)).toEqual([...convolutions, "Concat", "DepthToSpace", "Identity"]);
  });

  it("is not folded into a layer whose result is used elsewhere too", async () => {
    const [conv, norm] = [new nn.Conv2d(3, 6, 1), statistics(new nn.BatchNorm(6)).eval()];
    const network = (x: Tensor) => {
      const y = conv.forward(x);
      return [y, norm.forward(y)];
    };
    await expectAgreement(network as Exportable, [randn([2, 3, 5, 5])], { tolerance: 2e-5 });
  });

  it("of a layer that is used twice is folded twice", async () => {
    const network = after(new nn.Conv2d(3, 3, 3, { padding: 1 }), 3).eval() as nn.Sequential;
    await expectAgreement((x) => network.forward(network.forward(x!)), [randn([2, 3, 5, 5])], {
      tolerance: 2e-4,
    });
  });
});

describe("the LSTM", () => {
  it("reads sentences of unequal length, whatever the padding", async () => {
    const lstm = new nn.BidirectionalLstm(5, 4);
    const lengths = (...list: number[]) => tensor(list, { dtype: "int64" });
    const network = (x: Tensor, n: Tensor) => Object.values(lstm.forward(x, n));
    const file = await expectAgreement(network as Exportable, [randn([3, 6, 5]), lengths(6, 1, 3)], {
      inputs: ["x", "n"],
      dynamicAxes: { x: { 0: "batch", 1: "words" }, n: { 0: "batch" } },
      also: [
        [randn([1, 1, 5]), lengths(1)],
        [randn([4, 9, 5]), lengths(2, 9, 9, 1)],
        [randn([2, 5, 5]), lengths(3, 2)],
      ],
    });
    const [x, other] = [randn([1, 4, 5]), randn([1, 4, 5])];
    const changed = x.clone();
    changed.narrow(1, 2, 2).copy_(other.narrow(1, 2, 2));
    const results = await Promise.all(
      [x, changed].map((input) => runModel(file, { x: input, n: lengths(2) })),
    );
    expect(results[1]).toEqual(results[0]);
    expect(results[0]!.output0!.values.slice(2 * 8)).toEqual(new Array(2 * 8).fill(0));
  });

  it("needs its lengths as a tensor", () => {
    const lstm = new nn.BidirectionalLstm(5, 4);
    expect(() => exportOnnx((x: Tensor) => lstm.forward(x, [2, 1]).last, [randn([2, 3, 5])], one)).toThrow(
      "the lengths are numbers; give them as a tensor",
    );
  });
});

describe("stored weights", () => {
  const network = new nn.Sequential(
    new nn.Conv2d(8, 16, 3),
    new nn.ConvTranspose2d(16, 24, 4, { stride: 2 }),
  );
  const text = {
    table: new nn.Embedding(50, 40),
    lstm: new nn.BidirectionalLstm(40, 16),
    out: new nn.Linear(32, 20),
  };
  const encode = (tokens: Tensor, lengths: Tensor) => {
    const { output, last } = text.lstm.forward(text.table.forward(tokens), lengths);
    return [text.out.forward(output), text.out.forward(last)];
  };
  const tokens = randint(0, 50, [3, 6]);
  const lengths = tensor([6, 2, 4], { dtype: "int64" });
  const inputs = ["tokens", "lengths"];

  it.each([
    ["float16", 0.51, 2e-3],
    ["int8", 0.29, 5e-2],
  ] as const)(
    "in %s are smaller by the expected share, and nearly as exact",
    async (weights, share, tolerance) => {
      const images = await expectAgreement(network, [randn([2, 8, 6, 6])], { weights, tolerance });
      const sentences = await expectAgreement(encode as Exportable, [tokens, lengths], {
        inputs,
        weights,
        tolerance,
      });
      for (const [file, whole] of [
        [images, exportOnnx(network, [randn([2, 8, 6, 6])], one)],
        [sentences, exportOnnx(encode as Exportable, [tokens, lengths], { inputs, outputs: ["a", "b"] })],
      ] as const)
        expect(file.length).toBeLessThan(whole.length * share + 4000);
      await expect(
        expectAgreement(network, [randn([2, 8, 6, 6])], { weights, tolerance: 1e-6 }),
      ).rejects.toThrow(/expected/);
    },
  );

  it("of few values stay exact", () => {
    const options = { ...one, weights: "int8", smallestWeight: 2000 } as const;
    const { initializer } = decodeModel(exportOnnx(network, [randn([2, 8, 6, 6])], options)).graph;
    const types = new Map(initializer.map(({ name, dataType }) => [name, dataType]));
    expect([types.get("0.weight"), types.get("1.weight"), types.get("0.bias")]).toEqual([10, 3, 1]);
  });

  it("beyond float16's largest value are refused", () => {
    const large = new nn.Linear(20, 20);
    nn.init.constant(large.weight, 1e6);
    expect(() => exportOnnx(large, [randn([2, 20])], { ...one, weights: "float16" })).toThrow(
      "exportOnnx: weight has values beyond float16's largest, 65504",
    );
  });
});

describe("what cannot be exported", () => {
  const refusal = (network: Exportable): OnnxExportError => {
    try {
      exportOnnx(network, [randn([2, 3])], one);
    } catch (error) {
      expect(error).toBeInstanceOf(OnnxExportError);
      return error as OnnxExportError;
    }
    throw new Error("it was exported");
  };

  it.each<[string, Exportable, string]>([
    ["nonzero", (x) => x!.nonzero(), "there is no rule for it"],
    ["item", (x) => x!.mul(x!.sum().item()), "JavaScript reads elements that depend on the inputs"],
    ["toArray", (x) => tensor([...x!.toNumbers()]), "JavaScript reads elements that depend on the inputs"],
    ["allclose", (x) => (x!.allclose(x!) ? x! : x!.neg()), "JavaScript reads its result"],
    ["add_.Scalar", (x) => x!.relu().add_(1), "it works in place"],
    ["dropout", (x) => functional.dropout(x!, 0.5, true), "it is random"],
    ["randn.generator", (x) => x!.add(randn([2, 3])), "it is random"],
    ["batch_norm", (x) => new nn.BatchNorm(3).forward(x!), "it is in training mode"],
  ])("is named with its line: %s", (operator, network, reason) => {
    const { message, line } = refusal(network);
    expect(message).toContain(operator);
    expect(message).toContain(reason);
    expect(line).toMatch(/export\.test\.ts:\d+/);
  });

  it("is named with the line of the module that calls it, not with this package's", () => {
    class Odd extends nn.Module {
      forward(x: Tensor): Tensor {
        return new nn.Sequential(new nn.Lambda((y) => y.tanh()), new nn.Lambda((y) => y.nonzero())).forward(
          x,
        );
      }
    }
    expect(refusal(new Odd()).line).toMatch(/export\.test\.ts:\d+/);
  });
});

describe("an export", () => {
  it("leaves the module in its mode, and frees what it made", () => {
    const network = new nn.Sequential(new nn.Linear(3, 3), new nn.Dropout(0.5));
    (network as unknown as Record<string, nn.Module>)["0"]!.eval();
    const file = exportOnnx(network, [randn([2, 3])], one);
    expect(typesOf(file)).toEqual(["Gemm", "Identity"]);
    expect([...network.modules()].map(({ training }) => training)).toEqual([true, false, true]);
    const x = randn([2, 3]);
    const before = memoryInUse();
    exportOnnx(network, [x], one);
    expect(() => exportOnnx((y: Tensor) => network.forward(y).nonzero(), [x], one)).toThrow(OnnxExportError);
    expect(memoryInUse()).toBe(before);
  });

  it("gives the same bytes for the same network", () => {
    const network = new nn.Linear(3, 3);
    const [first, second] = [0, 1].map(() => scope(() => exportOnnx(network, [randn([2, 3])], one)));
    expect(Buffer.from(first!).equals(second!)).toBe(true);
    expect(decodeModel(first!).opsetImport).toEqual([{ version: 17 }]);
  });

  it("refuses wrong numbers of names", () => {
    expect(() => exportOnnx(new nn.Linear(3, 3), [], one)).toThrow("0 examples for 1 inputs");
    const outputs = ["a", "b"];
    expect(() => exportOnnx(new nn.Linear(3, 3), [randn([1, 3])], { inputs: ["x"], outputs })).toThrow(
      "the network has 1 results, and 2 outputs are named",
    );
    expect(() => exportOnnx(new nn.Linear(3, 3), [randn([1, 3])], { inputs: ["x"], outputs: ["x"] })).toThrow(
      'two inputs or outputs have the name "x"',
    );
  });
});
