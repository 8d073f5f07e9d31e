/**
 * Compares layers and functions with PyTorch 1.13. Its numbers come from
 *   def f(shape, step=0.7, start=0.3): return torch.sin(step * torch.arange(prod(shape), dtype=float64) + start).reshape(shape)
 *   x = f((2, 4, 5, 6)); F = torch.nn.functional
 * and the line above each case: the shape, the sum, the first four and the last two elements.
 */
import { describe, expect, it } from "vitest";
import { functional as F, manualSeed, nn, type Tensor, tensor } from "../index.js";
import { formula as f } from "../testing/formula.js";
import { gradcheck, gradgradcheck } from "../testing/gradcheck.js";

const x = f([2, 4, 5, 6]);

interface Case {
  run: (...inputs: Tensor[]) => Tensor;
  inputs: Tensor[];
  shape: number[];
  sum: number;
  ends: number[];
}

const cases: Record<string, Case> = {
  // F.conv2d(x, f((6, 2, 3, 2), 0.3), f((6,)), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
  "conv2d, groups and dilation": {
    run: (x, weight, bias) =>
      F.conv2d(x!, weight!, { bias: bias!, stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 }),
    inputs: [x, f([6, 2, 3, 2], 0.3), f([6])],
    shape: [2, 6, 3, 8],
    sum: 115.75150405031552,
    ends: [-0.4499463793, -0.1693905498, -0.197990705, 0.4488548683, -1.348278664, -0.9400465862],
  },
  // F.conv2d(x, f((4, 1, 3, 3), 0.3), groups=4)
  "conv2d, depthwise": {
    run: (x, weight) => F.conv2d(x!, weight!, { groups: 4 }),
    inputs: [x, f([4, 1, 3, 3], 0.3)],
    shape: [2, 4, 3, 4],
    sum: 0.20290628623187934,
    ends: [-0.4953030718, -0.3753025511, -0.0787913764, 0.2547766137, 0.7283701999, 2.5406158749],
  },
  // F.conv_transpose2d(x, f((4, 2, 3, 3), 0.3), f((4,)), stride=2, padding=1, output_padding=1, groups=2)
  "convTranspose2d, groups and outputPadding": {
    run: (x, weight, bias) =>
      F.convTranspose2d(x!, weight!, { bias: bias!, stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    inputs: [x, f([4, 2, 3, 3], 0.3), f([4])],
    shape: [2, 4, 10, 12],
    sum: 672.2965684298465,
    ends: [0.9590107076, 1.8707399886, 1.1297633461, 1.8294284111, -0.0573459934, -0.0744701496],
  },
  // F.conv_transpose2d(x, f((4, 3, 2, 3), 0.3), f((3,)), stride=(2, 3), padding=(0, 1), dilation=(2, 1))
  "convTranspose2d, dilation": {
    run: (x, weight, bias) =>
      F.convTranspose2d(x!, weight!, { bias: bias!, stride: [2, 3], padding: [0, 1], dilation: [2, 1] }),
    inputs: [x, f([4, 3, 2, 3], 0.3), f([3])],
    shape: [2, 3, 11, 16],
    sum: 747.2052114090268,
    ends: [0.7973975508, 0.8509355638, 0.7214488485, 0.7212131241, 1.1830152863, 1.0555932744],
  },
  // F.conv_transpose2d(x, f((4, 3, 4, 4), 0.3), f((3,)), stride=2, padding=1)
  "convTranspose2d, bias": {
    run: (x, weight, bias) => F.convTranspose2d(x!, weight!, { bias: bias!, stride: 2, padding: 1 }),
    inputs: [x, f([4, 3, 4, 4], 0.3), f([3])],
    shape: [2, 3, 10, 12],
    sum: 508.66134254211465,
    ends: [1.3899732828, 3.2173550263, 2.8053686417, 4.3217066121, -0.3616872177, 0.403896448],
  },
  // F.layer_norm(x, (5, 6), f((5, 6), 0.2), f((5, 6), 0.9))
  layerNorm: {
    run: (x, weight, bias) => F.layerNorm(x!, [5, 6], { weight: weight!, bias: bias! }),
    inputs: [x, f([5, 6], 0.2), f([5, 6], 0.9)],
    shape: [2, 4, 5, 6],
    sum: 9.755564992382252,
    ends: [0.3880456994, 1.4505932432, 1.6962085607, 0.8053266843, 0.5496974864, 1.1792223912],
  },
  // F.group_norm(x, 2, f((4,), 0.2), f((4,), 0.9))
  groupNorm: {
    run: (x, weight, bias) => F.groupNorm(x!, 2, { weight: weight!, bias: bias! }),
    inputs: [x, f([4], 0.2), f([4], 0.9)],
    shape: [2, 4, 5, 6],
    sum: 133.54109663283722,
    ends: [0.4051324784, 0.6349209016, 0.6981368612, 0.5650489037, -0.3144041443, -0.8718822091],
  },
  // F.max_pool2d(x, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1), ceil_mode=True)
  maxPool2d: {
    run: (x) =>
      new nn.MaxPool2d([3, 2], { stride: [1, 2], padding: [1, 0], dilation: [2, 1], ceilMode: true }).forward(
        x!,
      ),
    inputs: [x],
    shape: [2, 4, 3, 3],
    sum: 58.51510123618071,
    ends: [0.8591618149, 0.9867719643, 0.9893582466, 0.8414709848, 0.8614103928, 0.0371734466],
  },
  // F.avg_pool2d(x, (2, 3), stride=(2, 2), padding=(1, 1), ceil_mode=True, count_include_pad=False)
  "avgPool2d, its options": {
    run: (x) =>
      new nn.AvgPool2d([2, 3], {
        stride: [2, 2],
        padding: [1, 1],
        ceilMode: true,
        countPadding: false,
      }).forward(x!),
    inputs: [x],
    shape: [2, 4, 3, 4],
    sum: -0.029716874703786145,
    ends: [0.5684955957, 0.8361996586, 0.035061984, -0.6118578909, -0.421906115, -0.426012301],
  },
  // F.avg_pool2d(x, (2, 3))
  avgPool2d: {
    run: (x) => F.avgPool2d(x!, [2, 3]),
    inputs: [x],
    shape: [2, 4, 2, 2],
    sum: -0.05809058230959424,
    ends: [-0.017700906, 0.3760870305, 0.3726803708, -0.3657455576, -0.4208929468, 0.1574164719],
  },
  // F.adaptive_avg_pool2d(x, (2, 4))
  adaptiveAvgPool2d: {
    run: (x) => new nn.AdaptiveAvgPool2d([2, 4]).forward(x!),
    inputs: [x],
    shape: [2, 4, 2, 4],
    sum: 0.007140690284812596,
    ends: [-0.0060414877, -0.0040817915, 0.0037722371, 0.005972697, -0.0051740716, -0.0018769577],
  },
  // F.adaptive_avg_pool2d(x, 1)
  "adaptiveAvgPool2d to one place": {
    run: (x) => F.adaptiveAvgPool2d(x!, 1),
    inputs: [x],
    shape: [2, 4, 1, 1],
    sum: 0.05461444191758637,
    ends: [0.0731014516, -0.0029132569, -0.0699100995, 0.079496871, 0.0836499352, -0.0309531292],
  },
};

const small = (inputs: Tensor[]) => inputs.map((input) => input.clone());

describe.each(Object.entries(cases))("%s", (_, { run, inputs, shape, sum, ends }) => {
  it("equals PyTorch", () => {
    const output = run(...inputs);
    expect(output.shape).toEqual(shape);
    expect(output.sum().item()).toBeCloseTo(sum, 8);
    const values = output.toNumbers();
    for (const [i, value] of [...values.slice(0, 4), ...values.slice(-2)].entries())
      expect(value).toBeCloseTo(ends[i]!, 9);
  });

  it("equals PyTorch in float32", () => {
    const output = run(...inputs.map((input) => input.to("float32")));
    const exact = run(...inputs);
    expect(output.dtype).toBe("float32");
    expect(output.to("float64").sub(exact).abs().max().item()).toBeLessThan(2e-5);
  });

  it("has the gradients of finite differences", () => {
    expect(gradcheck(run, small(inputs))).toBeLessThan(1e-5);
  });
});

describe("losses", () => {
  // a, b = f((2, 3)), f((2, 3), 0.4)
  const [a, b] = [f([2, 3]), f([2, 3], 0.4)];
  const values: [string, Tensor, number][] = [
    ["F.mse_loss(a, b)", F.mseLoss(a, b), 0.4690333107],
    ['F.mse_loss(a, b, reduction="sum")', F.mseLoss(a, b, { reduction: "sum" }), 2.8141998642],
    ["F.l1_loss(a, b)", F.l1Loss(a, b), 0.4803375137],
    ["F.smooth_l1_loss(a, b, beta=0.5)", F.smoothL1Loss(a, b, { beta: 0.5 }), 0.3191645959],
    ["F.nll_loss(a, tensor([0, 2]))", F.nllLoss(a, tensor([0, 2], { dtype: "int64" })), 0.1581688421],
    ["F.gelu(a)[0, 0]", F.gelu(a).index(0, 0), 0.1821000658],
    ['F.gelu(a, approximate="tanh")[0, 0]', F.gelu(a, { approximate: "tanh" }).index(0, 0), 0.1820977044],
    ["F.silu(a)[0, 0]", F.silu(a).index(0, 0), 0.169435633],
  ];
  it.each(values)("%s", (_, found, expected) => expect(found.item()).toBeCloseTo(expected, 9));

  it("are not reduced with reduction none", () => {
    for (const loss of [F.mseLoss, F.l1Loss, F.smoothL1Loss])
      expect(loss(a, b, { reduction: "none" }).shape).toEqual([2, 3]);
  });

  it("refuse shapes that would be broadcast", () => {
    for (const [name, loss] of Object.entries({
      mseLoss: F.mseLoss,
      l1Loss: F.l1Loss,
      smoothL1Loss: F.smoothL1Loss,
    }))
      expect(() => loss(f([4, 1]), f([4]))).toThrow(
        `${name}: the input is Tensor float64[4, 1] and the target is Tensor float64[4]; expected equal shapes`,
      );
  });

  it("have gradients, and gradients of gradients", () => {
    expect(gradgradcheck((a, b) => F.mseLoss(a!, b!), [a.clone(), b.clone()])).toBeLessThan(1e-5);
    expect(gradcheck((a, b) => F.smoothL1Loss(a!, b!), [a.clone(), b.clone()])).toBeLessThan(1e-5);
  });
});

describe("initial values are PyTorch's for a seed", () => {
  // torch.manual_seed(1); layer = …; layer.state_dict()
  const layers: [string, () => nn.Module, Record<string, [number[], number[]]>][] = [
    [
      "nn.Linear(3, 2)",
      () => new nn.Linear(3, 2),
      {
        weight: [[2, 3], [0.2974873, -0.2548298, -0.111926, 0.2709903, -0.5435388, 0.3462469]],
        bias: [[2], [-0.1187756, 0.2937234]],
      },
    ],
    [
      "nn.Conv2d(4, 2, 1, groups=2)",
      () => new nn.Conv2d(4, 2, 1, { groups: 2 }),
      {
        weight: [[2, 2, 1, 1], [0.3643461, -0.3121015, -0.1370808, 0.331894]],
        bias: [[2], [-0.6656964, 0.4240641]],
      },
    ],
    [
      "nn.ConvTranspose2d(2, 4, (1, 2), groups=2)",
      () => new nn.ConvTranspose2d(2, 4, [1, 2], { groups: 2 }),
      {
        weight: [
          [2, 2, 1, 2],
          [0.2576316, -0.2206891, -0.0969307, 0.2346845, -0.4707184, 0.2998586, -0.1028627, 0.2543719],
        ],
        bias: [[4], [0.0695085, -0.0612221, 0.1386805, 0.0246659]],
      },
    ],
    [
      "nn.Embedding(2, 2)",
      () => new nn.Embedding(2, 2),
      { weight: [[2, 2], [0.6613522, 0.2669241, 0.0616773, 0.6213173]] },
    ],
    [
      "nn.LayerNorm(3)",
      () => new nn.LayerNorm(3),
      { weight: [[3], [1, 1, 1]], bias: [[3], [0, 0, 0]] },
    ],
    [
      "nn.GroupNorm(1, 2)",
      () => new nn.GroupNorm(1, 2),
      { weight: [[2], [1, 1]], bias: [[2], [0, 0]] },
    ],
    ["nn.LayerNorm(3, elementwise_affine=False)", () => new nn.LayerNorm(3, { elementwiseAffine: false }), {}],
    ["nn.GroupNorm(1, 2, affine=False)", () => new nn.GroupNorm(1, 2, { affine: false }), {}],
  ]; // biome-ignore format: rows

  it.each(layers)("%s", (_, make, expected) => {
    manualSeed(1);
    const state = make().stateDict();
    expect([...state.keys()]).toEqual(Object.keys(expected));
    for (const [name, [shape, values]] of Object.entries(expected)) {
      expect(state.get(name)!.shape).toEqual(shape);
      for (const [i, value] of state.get(name)!.toNumbers().entries())
        expect(value).toBeCloseTo(values[i]!, 6);
    }
  });
});

describe("layers", () => {
  const layers: [string, nn.Layer, (x: Tensor) => Tensor][] = [
    ["LayerNorm", new nn.LayerNorm([5, 6], { eps: 0.1 }), (x) => F.layerNorm(x, [5, 6], { eps: 0.1 })],
    ["GroupNorm", new nn.GroupNorm(2, 4, { eps: 0.1 }), (x) => F.groupNorm(x, 2, { eps: 0.1 })],
    ["MaxPool2d", new nn.MaxPool2d(2), (x) => F.maxPool2d(x, 2)],
  ];

  it.each(layers)("%s equals its function, in the input's dtype", (_, layer, run) => {
    for (const dtype of ["float32", "bfloat16"] as const) {
      const input = x.to(dtype);
      expect(layer.forward(input).dtype).toBe(dtype);
      expect(layer.forward(input).allclose(run(input), { rtol: 1e-2, atol: 1e-2 })).toBe(true);
    }
  });

  it("Conv2d and ConvTranspose2d equal their functions, with their options", () => {
    const options = { stride: 2, padding: 1, dilation: 2, groups: 2 };
    const conv = new nn.Conv2d(4, 6, 2, options).to({ dtype: "float64" });
    const { weight, bias } = conv;
    expect(conv.forward(x).equal(F.conv2d(x, weight, { ...options, bias }))).toBe(true);
    const back = new nn.ConvTranspose2d(4, 6, 2, { ...options, outputPadding: 1 }).to({ dtype: "float64" });
    const found = F.convTranspose2d(x, back.weight, { ...options, outputPadding: 1, bias: back.bias });
    expect(back.forward(x).equal(found)).toBe(true);
    // With groups or dilation, libtorch 1.13 has no kernel for bfloat16.
    const half = new nn.ConvTranspose2d(4, 6, 2, { stride: 2 }).forward(x.to("bfloat16"));
    expect([half.dtype, half.shape]).toEqual(["bfloat16", [2, 6, 10, 12]]);
    expect([...new nn.ConvTranspose2d(1, 1, 1, { bias: false }).stateDict().keys()]).toEqual(["weight"]);
  });

  it("refuse channels that are not divisible by groups", () => {
    expect(() => new nn.Conv2d(4, 6, 1, { groups: 4 })).toThrow(
      "Conv2d: 6 channels cannot be divided into 4 groups",
    );
    expect(() => new nn.Conv2d(3, 6, 1, { groups: 2 })).toThrow("Conv2d: 3 channels");
    expect(() => new nn.ConvTranspose2d(4, 6, 1, { groups: 0 })).toThrow("into 0 groups");
    expect(() => new nn.GroupNorm(2, 5)).toThrow("GroupNorm: 5 channels cannot be divided into 2 groups");
  });
});
