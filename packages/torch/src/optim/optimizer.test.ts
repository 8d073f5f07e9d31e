import { describe, expect, it } from "vitest";
import { grad, keep, nn, scope, type Tensor, tensor } from "../index.js";
import { formula } from "../testing/formula.js";
import { simulateCuda } from "../testing/index.js";
import { Adam, AdamW, clipGradNorm, type Optimizer, SGD } from "./index.js";

const double = (values: number[]) => tensor(values, { dtype: "float64" });
const parameter = (values: number[]) => tensor(values, { dtype: "float64", requiresGrad: true });
const pair = (): [string, Tensor][] => [
  ["a", parameter([1, -2])],
  ["b", parameter([0.5])],
];

/**
 * Gradients of three steps. In the second one `b` has none. In PyTorch 1.13:
 *   p = [Parameter(tensor([1, -2], dtype=float64)), Parameter(tensor([0.5], dtype=float64))]
 *   for a, b in gradients: p[0].grad = a; p[1].grad = b; optimizer.step()
 */
const gradients = [[[0.5, -1], [2]], [[1, 0.25], null], [[-2, 3], [-1]]]; // biome-ignore format: rows

type Make = (parameters: [string, Tensor][]) => Optimizer;
const rate = { learningRate: 0.1 };
const cases: [name: string, make: Make, values: number[]][] = [
  // torch.optim.SGD(p, lr=0.1)
  ["SGD", (p) => new SGD(p, rate), [1.05, -2.225, 0.4]],
  // weight_decay=0.5
  ["SGD, weightDecay", (p) => new SGD(p, { ...rate, weightDecay: 0.5 }), [0.91725, -1.94825, 0.36125]],
  // momentum=0.9
  ["SGD, momentum", (p) => new SGD(p, { ...rate, momentum: 0.9 }), [0.8745, -2.0765, 0.22]],
  // momentum=0.9, dampening=0.3, weight_decay=0.1
  [
    "SGD, dampening",
    (p) => new SGD(p, { ...rate, momentum: 0.9, dampening: 0.3, weightDecay: 0.1 }),
    [0.82623206, -1.88061162, 0.178435],
  ],
  // momentum=0.9, nesterov=True, weight_decay=0.1
  [
    "SGD, nesterov",
    (p) => new SGD(p, { ...rate, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    [0.866668646, -2.144964792, 0.1323505],
  ],
  // torch.optim.Adam(p, lr=0.1)
  ["Adam", (p) => new Adam(p, rate), [0.8228612459927355, -1.901691982157053, 0.37336629670243154]],
  // weight_decay=0.5
  [
    "Adam, weightDecay",
    (p) => new Adam(p, { ...rate, weightDecay: 0.5 }),
    [0.786862097211275, -1.8088172795370299, 0.3618100497688457],
  ],
  // torch.optim.AdamW(p, lr=0.1, weight_decay=0.5)
  [
    "AdamW",
    (p) => new AdamW(p, { ...rate, weightDecay: 0.5 }),
    [0.6948121558658099, -1.62853932288338, 0.32961629667743153],
  ],
  // torch.optim.AdamW(p, lr=0.1)
  [
    "AdamW, its own decay",
    (p) => new AdamW(p, rate),
    [0.820160663190099, -1.8959448269715304, 0.37246679670193156],
  ],
];

const values = (named: [string, Tensor][]) => named.flatMap(([, tensor]) => tensor.toNumbers());
const given = (step: number) =>
  gradients[step]!.map((gradient) => (gradient ? double(gradient as number[]) : null));

describe.each(cases)("%s", (_, make, expected) => {
  it("takes PyTorch's steps, also if a parameter had no gradient", () => {
    const named = pair();
    const optimizer = make(named);
    for (const step of gradients.keys()) optimizer.step(given(step));
    for (const [i, value] of values(named).entries()) expect(value).toBeCloseTo(expected[i]!, 12);
    expect(optimizer.steps).toBe(3);
  });

  it("takes the same steps along the gradients of backward, to the bit", () => {
    const [explicit, implicit] = [pair(), pair()];
    const [one, other] = [make(explicit), make(implicit)];
    for (const step of gradients.keys()) {
      one.step(given(step));
      scope(() => {
        other.zeroGrad();
        for (const [i, gradient] of given(step).entries())
          if (gradient) implicit[i]![1].mul(gradient).sum().backward();
        other.step();
      });
    }
    expect(values(implicit)).toEqual(values(explicit));
  });

  it("takes them on a GPU, up to rounding", () => {
    using _cuda = simulateCuda();
    const place = (tensor: Tensor | null) => tensor?.to({ device: "cuda" }) ?? null;
    const named = pair().map(([name, tensor]) => [name, place(tensor.detach())!] as [string, Tensor]);
    const optimizer = make(named);
    for (const step of gradients.keys()) optimizer.step(given(step).map(place));
    for (const [i, value] of values(named).entries()) expect(value).toBeCloseTo(expected[i]!, 12);
    for (const tensor of optimizer.stateDict().values())
      if (tensor.dim > 0) expect(tensor.device).toBe("cuda:0");
  });

  it("resumes from a saved state to the bit", () => {
    const [whole, broken] = [pair(), pair()];
    const [first, second] = [make(whole), make(broken)];
    for (const step of [0, 1]) for (const one of [first, second]) one.step(given(step));
    const saved = new Map(Array.from(second.stateDict(), ([name, tensor]) => [name, tensor.clone()]));
    const resumed = make(broken);
    resumed.loadStateDict(saved, second.steps);
    first.step(given(2));
    resumed.step(given(2));
    expect(values(broken)).toEqual(values(whole));
    expect([...resumed.stateDict().keys()]).toEqual([...first.stateDict().keys()]);
  });

  it("refuses a state of other parameters", () => {
    const optimizer = make(pair());
    for (const step of [0, 2]) optimizer.step(given(step));
    const state = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(new Map(state).set("other.a", double([1])), 1)).toThrow(
      /state has other.a, which is not a state of its parameters/,
    );
    for (const name of state.keys())
      expect(() => optimizer.loadStateDict(new Map(state).set(name, double([1, 2, 3])), 1)).toThrow(
        new RegExp(`float64\\[3\\] for ${name}, expected`),
      );
    expect(() => optimizer.loadStateDict(state, 0.5)).toThrow(/number of steps/);
  });
});

describe("an optimizer's parameters", () => {
  it("may be given without names; their numbers are their names", () => {
    const adam = new Adam(pair().map(([, tensor]) => tensor));
    expect([...adam.parameters.keys()]).toEqual(["0", "1"]);
  });

  it("are refused if one would be updated twice or lost", () => {
    const [first, second] = [parameter([1]), parameter([2])];
    expect(() => new SGD([["a", first], ["b", first]])).toThrow(/"a" and "b" are the same tensor/); // biome-ignore format: pairs
    expect(() => new SGD([["a", first], ["a", second]])).toThrow(/two parameters have the name "a"/); // biome-ignore format: pairs
    expect(() => new SGD([])).toThrow(/there are no parameters.*child\(name, layer\)/);
    expect(() => new SGD([first.mul(2)])).toThrow(/"0" was computed from other tensors/);
    for (const wrong of [[5], [["a"]], [null]])
      expect(() => new SGD(wrong as never)).toThrow(/expected parameters, or pairs/);
    expect(() => new SGD(undefined as never)).toThrow("SGD: expected parameters, found undefined");
    expect(() => new SGD([first], { nesterov: true })).toThrow(/nesterov needs a momentum/);
  });

  it("that two layers share are updated once", () => {
    class Tied extends nn.Module {
      readonly one = new nn.Linear(2, 2, { bias: false });
      readonly other = this.one;
    }
    const [tied, single] = [new Tied(), new nn.Linear(2, 2, { bias: false })];
    single.loadStateDict(tied.one.stateDict());
    const x = formula([3, 2]).to("float32");
    for (const [network, forward] of [
      [tied, (x: Tensor) => tied.other.forward(tied.one.forward(x))],
      [single, (x: Tensor) => single.forward(single.forward(x))],
    ] as const) {
      const sgd = new SGD(network.namedParameters(), { learningRate: 0.1, momentum: 0.9 });
      for (let step = 0; step < 2; step++) {
        sgd.zeroGrad();
        forward(x).square().sum().backward();
        sgd.step();
      }
    }
    expect(tied.one.weight.toBytes()).toEqual(single.weight.toBytes());
  });
});

describe("backward, step and zeroGrad", () => {
  it("train in scopes like grad and step, to the bit, and keep gradients after the scope", () => {
    const make = () =>
      new nn.Sequential(new nn.Linear(3, 4), new nn.Lambda((x) => x.tanh()), new nn.Linear(4, 1));
    const [explicit, implicit] = [make(), make()];
    implicit.loadStateDict(explicit.stateDict());
    const x = formula([8, 3]).to("float32");
    const [one, other] = [new Adam(explicit.namedParameters()), new Adam(implicit.parameters())];
    for (let step = 0; step < 5; step++) {
      scope(() => one.step(grad([explicit.forward(x).square().mean()], explicit.parameters())));
      scope(() => implicit.forward(x).square().mean().backward());
      expect(implicit.parameters().every(({ grad }) => grad && !grad.isDisposed)).toBe(true);
      scope(() => other.step());
      if (step % 2 === 0) other.zeroGrad();
      else implicit.zeroGrad();
      expect(implicit.parameters().every(({ grad }) => grad === null)).toBe(true);
    }
    for (const [name, tensor] of explicit.stateDict())
      expect(implicit.stateDict().get(name)!.toBytes(), name).toEqual(tensor.toBytes());
  });

  it("accumulate over several scopes until zeroGrad", () => {
    const weight = keep(parameter([3]));
    const sgd = new SGD([weight], rate);
    for (let i = 0; i < 4; i++) scope(() => weight.square().sum().backward());
    expect(weight.grad!.item()).toBe(24);
    sgd.step();
    expect(weight.item()).toBeCloseTo(3 - 2.4, 12);
    sgd.zeroGrad();
    sgd.step();
    expect(weight.item()).toBeCloseTo(3 - 2.4, 12);
  });

  it("accept a gradient and options", () => {
    const x = parameter([2, 3]);
    const y = x.square();
    y.backward(double([1, 10]), { retainGraph: true });
    y.backward({ gradient: double([1, 0]) });
    expect(x.grad!.toNumbers()).toEqual([8, 60]);
    expect(() => x.square().backward(double([1]))).toThrow(/float64\[1\]/);
  });
});

describe("nn.utils.clipGradNorm_", () => {
  it("scales the gradients of backward like clipGradNorm, and skips parameters without one", () => {
    const [a, b, none] = [parameter([1]), parameter([1]), parameter([1])];
    a.mul(3).add(b.mul(4)).sum().backward();
    const explicit = [double([3]), double([4])];
    const norm = nn.utils.clipGradNorm_([a, b, none], 1);
    expect([norm.item(), none.grad]).toEqual([clipGradNorm(explicit, 1).item(), null]);
    expect([a.grad!.item(), b.grad!.item()]).toEqual(explicit.map((gradient) => gradient.item()));
    expect(a.grad!.item()).toBeCloseTo(0.6, 6);
  });
});
