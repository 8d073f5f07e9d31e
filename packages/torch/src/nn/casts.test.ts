import { beforeEach, describe, expect, it } from "vitest";
import {
  call,
  type DType,
  grad,
  gradOrNull,
  manualSeed,
  nn,
  noGrad,
  profile,
  randn,
  type Tensor,
} from "../index.js";

beforeEach(() => manualSeed(3));

/** A layer of each kind. */
function network() {
  const layers = new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8, { activation: "leaky_relu" }),
    new nn.ConvTranspose2d(8, 4, 2, { stride: 2 }),
    new nn.Conv2d(4, 2, 1, { bias: false }),
  );
  return layers.to({ memoryFormat: "channels_last" });
}

const input = () => randn([2, 3, 4, 4]).to({ dtype: "bfloat16", memoryFormat: "channels_last" });

describe("ParameterCasts", () => {
  it("changes no value and no gradient", () => {
    const layers = network();
    const x = input();
    const results = (run: (fn: () => Tensor) => Tensor) => {
      const y = run(() => layers.forward(x));
      const gradients = grad([y.square().sum()], layers.parameters());
      return [y, ...gradients].map((tensor) => [tensor.dtype, tensor.strides, tensor.toNumbers()]);
    };
    const apart = results((fn) => fn());
    const casts = new nn.ParameterCasts(layers.parameters());
    for (let i = 0; i < 3; i++) expect(results((fn) => casts.run(fn))).toEqual(apart);
  });

  it("uses the present values in every run", () => {
    const linear = new nn.Linear(3, 2);
    const x = randn([4, 3]).to("bfloat16");
    const casts = new nn.ParameterCasts(linear.parameters());
    for (let i = 0; i < 3; i++) {
      noGrad(() => linear.weight.mul_(-1.5));
      expect(casts.run(() => linear.forward(x)).toNumbers()).toEqual(linear.forward(x).toNumbers());
    }
  });

  it("casts in one operator from the second run on", () => {
    const layers = network();
    const x = input();
    const casts = new nn.ParameterCasts(layers.parameters());
    const operators = () => {
      const rows = profile(() => void casts.run(() => layers.forward(x)));
      const calls = (name: string) => rows.find(({ operator }) => operator === name)?.calls ?? 0;
      return { together: calls("node_torch::cast_all"), apart: calls("aten::to") };
    };
    expect(operators()).toEqual({ together: 0, apart: 5 });
    expect(operators()).toEqual({ together: 1, apart: 0 });
  });

  it("a layer that is called twice has one cast, as many runs as there were", () => {
    const linear = new nn.Linear(3, 3);
    const x = randn([4, 3]).to("bfloat16");
    const casts = new nn.ParameterCasts(linear.parameters());
    const gradients = () => {
      const y = casts.run(() => linear.forward(linear.forward(x)));
      return grad([y.sum()], linear.parameters()).map((tensor) => tensor.toNumbers());
    };
    const first = gradients();
    expect(gradients()).toEqual(first);
  });

  it("layers that are not called any more have no gradient", () => {
    const [a, b] = [new nn.Linear(2, 2), new nn.Linear(2, 2)];
    const x = randn([3, 2]).to("bfloat16");
    const casts = new nn.ParameterCasts([...a.parameters(), ...b.parameters()]);
    casts.run(() => b.forward(a.forward(x)));
    const y = casts.run(() => a.forward(x));
    const found = gradOrNull([y.sum()], [...a.parameters(), ...b.parameters()]);
    expect(found.map((gradient) => gradient !== null)).toEqual([true, true, false, false]);
    expect(found[0]!.toNumbers()).toEqual(grad([a.forward(x).sum()], [a.weight])[0]!.toNumbers());
  });

  it("gradients of gradients", () => {
    const linear = new nn.Linear(3, 1).to({ dtype: "float32" });
    const x = randn([2, 3]).to("float64");
    const casts = new nn.ParameterCasts(linear.parameters());
    const second = (run: (fn: () => Tensor) => Tensor) => {
      const y = run(() => linear.forward(x))
        .pow(3)
        .sum();
      const [first] = grad([y], [linear.weight], { createGraph: true });
      return grad([first!.square().sum()], [linear.weight])[0]!.toNumbers();
    };
    const expected = second((fn) => fn());
    casts.run(() => linear.forward(x));
    expect(second((fn) => casts.run(fn))).toEqual(expected);
  });

  it("casts nothing else, and nothing after a run that failed", () => {
    const [own, other] = [new nn.Linear(2, 2), new nn.Linear(2, 2)];
    const x = randn([3, 2]).to("bfloat16");
    const casts = new nn.ParameterCasts(own.parameters());
    casts.run(() => other.forward(own.forward(x)));
    other.weight.dispose();
    const fail = () => {
      throw new Error("no");
    };
    expect(() => casts.run(fail)).toThrow("no");
    expect(casts.run(() => own.forward(x)).toNumbers()).toEqual(own.forward(x).toNumbers());
  });
});

describe("cast_all", () => {
  const castAll = (tensors: readonly Tensor[], dtype: DType) =>
    call<Tensor[]>("node_torch::cast_all", tensors, dtype);

  it.each<[DType, DType]>([
    ["float32", "bfloat16"],
    ["bfloat16", "float32"],
    ["float32", "float64"],
    ["float64", "bfloat16"],
    ["float32", "float16"],
  ])("equals casts one by one, %s to %s", (from, to) => {
    const odd = tensorOfOddValues(from);
    const all = [
      randn([70_001]).mul(100).to(from),
      randn([3, 5, 2, 2]).to({ dtype: from, memoryFormat: "channels_last" }),
      randn([4, 6]).to(from).t(),
      randn([6, 8]).to(from).narrow(1, 1, 3),
      randn([0, 2]).to(from),
      odd,
    ];
    const found = castAll(all, to);
    expect(found.map(({ dtype, shape }) => [dtype, shape])).toEqual(all.map(({ shape }) => [to, shape]));
    for (const [i, tensor] of found.entries()) {
      const expected = all[i]!.to(to);
      expect(tensor.toNumbers()).toEqual(expected.toNumbers());
      expect(tensor.strides).toEqual(expected.strides);
    }
  });

  it("refuses tensors of several dtypes, and accepts none", () => {
    expect(() => castAll([randn([2]), randn([2]).to("float64")], "bfloat16")).toThrow(
      /cast_all.*expected one dtype, found float32\[2\] and float64\[2\]/s,
    );
    expect(castAll([], "bfloat16")).toEqual([]);
  });
});

/** NaN, infinities, the largest numbers, ties, the smallest ones. */
function tensorOfOddValues(dtype: DType): Tensor {
  const values = [Number.NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1e-40, -0];
  return call<Tensor>(
    "cat",
    values.map((value) => randn([1]).fill_(value)),
  ).to(dtype);
}
