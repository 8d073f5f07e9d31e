import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { scope, type Tensor, tensor, zeros } from "../index.js";
import { Adam } from "../optim/index.js";
import {
  BatchNorm2d,
  BidirectionalLstm,
  Conv2d,
  Dropout,
  Lambda,
  Linear,
  Module,
  Sequential,
} from "./index.js";

class Network extends Module {
  readonly first = new Sequential(new Conv2d(1, 2, 3), new BatchNorm2d(2), new Lambda((x) => x.relu()));
  readonly blocks = [new Linear(2, 2), new Linear(2, 1, { bias: false })];
  readonly dropout = new Dropout(0.5);
}

const names = [
  "first.0.weight",
  "first.0.bias",
  "first.1.weight",
  "first.1.bias",
  "blocks.0.weight",
  "blocks.0.bias",
  "blocks.1.weight",
];

describe("Module", () => {
  it("names parameters and buffers as PyTorch does", () => {
    const network = new Network();
    expect(Array.from(network.namedParameters(), ([name]) => name)).toEqual(names);
    expect(Array.from(network.namedBuffers(), ([name]) => name)).toEqual([
      "first.1.running_mean",
      "first.1.running_var",
      "first.1.num_batches_tracked",
    ]);
    expect(network.parameterCount).toBe(18 + 2 + 2 + 2 + 4 + 2 + 2);
  });

  it("switches all its children between training and evaluation", () => {
    const network = new Network().eval();
    expect([network.dropout.training, network.blocks[0]!.training]).toEqual([false, false]);
    expect(network.train().dropout.training).toBe(true);
  });

  it("loads a state and returns it", () => {
    const [from, to] = [new Network(), new Network()];
    to.loadStateDict(from.stateDict());
    for (const [name, value] of to.stateDict())
      expect(value.equal(from.stateDict().get(name)!), name).toBe(true);
  });

  it("refuses a state that does not fit, without changes", () => {
    const linear = new Linear(2, 1);
    const before = linear.weight.toNumbers();
    const wrong: [Record<string, Tensor>, RegExp][] = [
      [{ weight: zeros([1, 2]) }, /bias is missing/],
      [{ weight: zeros([2, 1]), bias: zeros([1]) }, /weight has shape \[2, 1\], expected \[1, 2\]/],
      [{ weight: zeros([1, 2]), bias: zeros([1]), extra: zeros([1]) }, /extra is not one of this network's/],
      [{}, /weight is missing; bias is missing/],
    ];
    for (const [state, message] of wrong)
      expect(() => linear.loadStateDict(new Map(Object.entries(state)))).toThrow(message);
    expect(linear.weight.toNumbers()).toEqual(before);
  });

  it("outlives the scope that it was made in", () => {
    const linear = scope(() => new Linear(2, 1));
    expect(linear.weight.isDisposed).toBe(false);
  });

  it("moves to float64, except for integers, and continues training there", () => {
    const lstm = new BidirectionalLstm(2, 2);
    const optimizer = new Adam(lstm.namedParameters());
    lstm.to({ dtype: "float64" });
    expect(lstm.weights.map((weight) => [weight.dtype, weight.requiresGrad])).toEqual(Array(8).fill(["float64", true])); // biome-ignore format: one line
    expect([...optimizer.parameters.values()]).toEqual(lstm.parameters());
    const output = lstm.forward(zeros([1, 2, 2], { dtype: "float64" }), [2]).output;
    output.sum().backward();
    expect(lstm.weights[0]!.grad?.dtype).toBe("float64");

    const network = new Network();
    const fields = network.first.stateDict();
    network.to({ dtype: "float64", memoryFormat: "channels_last" });
    expect(network.first.stateDict()).toEqual(fields);
    expect(fields.get("0.weight")!.isContiguous("channels_last")).toBe(true);
    expect(fields.get("1.num_batches_tracked")!.dtype).toBe("int64");
    const images = zeros([2, 1, 4, 4], { dtype: "float64" });
    expect(network.first.forward(images).dtype).toBe("float64");
  });

  it("can be frozen", () => {
    const linear = new Linear(1, 1).requiresGrad(false);
    expect(linear.forward(tensor([[1]])).requiresGrad).toBe(false);
  });

  it("counts a shared tensor once, and saves it under both names", () => {
    class Tied extends Module {
      readonly embedding = new Linear(2, 3);
      readonly head = this.embedding;
      readonly layers = [new Linear(1, 1), new Linear(1, 1)];
      readonly again = [this.layers[1]!];
      readonly alias = this.parameter("alias", this.embedding.weight);
    }
    const network = new Tied();
    expect(Array.from(network.namedParameters("net."), ([name]) => name)).toEqual([
      "net.alias",
      "net.embedding.bias",
      "net.layers.0.weight",
      "net.layers.0.bias",
      "net.layers.1.weight",
      "net.layers.1.bias",
    ]);
    expect(network.parameterCount).toBe(6 + 3 + 4);
    expect(Array.from(network.namedModules(), ([name]) => name)).toEqual([
      "",
      "embedding",
      "layers.0",
      "layers.1",
    ]);
    expect([...network.modules()]).toEqual([network, network.embedding, ...network.layers]);
    const state = network.stateDict();
    expect([...state.keys()]).toEqual([
      "alias",
      "embedding.weight",
      "embedding.bias",
      "head.weight",
      "head.bias",
      "layers.0.weight",
      "layers.0.bias",
      "layers.1.weight",
      "layers.1.bias",
      "again.0.weight",
      "again.0.bias",
    ]);
    expect(state.get("head.weight")).toBe(state.get("embedding.weight"));
    new Tied().loadStateDict(state);
  });

  it("lists a shared buffer once", () => {
    const norm = new BatchNorm2d(2);
    const network = new Sequential(norm, norm);
    expect(Array.from(network.namedBuffers(), ([name]) => name)).toHaveLength(3);
    expect(network.stateDict().size).toBe(10);
  });

  it("finds layers in #private fields only if they are registered", () => {
    class Hidden extends Module {
      readonly #lost = new Linear(1, 1);
      readonly #found = this.child("found", new Linear(1, 1, { bias: false }));
      readonly both = this.child("both", new Linear(1, 1, { bias: false }));

      forward(input: Tensor): Tensor {
        return this.both.forward(this.#found.forward(this.#lost.forward(input)));
      }
    }
    const network = new Hidden().eval();
    expect([...network.stateDict().keys()]).toEqual(["both.weight", "found.weight"]);
    expect(Array.from(network.modules(), ({ training }) => training)).toEqual([false, false, false]);
    expect(network.forward(tensor([[1]])).shape).toEqual([1, 1]);
  });

  it("refuses a child that is not a module or whose name is taken", () => {
    class Twice extends Module {
      readonly first = this.child("x", new Linear(1, 1));
      add(name: string, module: unknown) {
        this.child(name, module as Module);
      }
    }
    expect(() => new Twice().add("x", new Linear(1, 1))).toThrow(/"x" is another module already/);
    expect(() => new Twice().add("y", 5)).toThrow(/expected a module for "y", found number/);
    const network = new Twice();
    network.add("first", new Linear(1, 1));
    expect(() => network.parameters()).toThrow(
      /"first" is the name of a field and of another registered child/,
    );
  });

  it("refuses a module that contains itself", () => {
    class Part extends Module {
      owner: Module | undefined;
    }
    class Whole extends Module {
      readonly part = new Part();
    }
    const whole = new Whole();
    whole.part.owner = whole;
    expect(() => whole.stateDict()).toThrow(/"part.owner" is a module that contains itself/);
    expect(inspect(whole)).toContain("(owner): Whole()");
  });

  it("sets gradients to null", () => {
    const linear = new Linear(2, 1);
    linear
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    expect(linear.weight.grad!.toNumbers()).toEqual([1, 2]);
    linear.zeroGrad();
    expect([linear.weight.grad, linear.bias!.grad]).toEqual([null, null]);
  });

  it("shows its children in console.log, without values", () => {
    expect(inspect(new Network())).toBe(`Network(
  (first): Sequential(
    (0): Conv2d(weight: float32[2, 1, 3, 3], bias: float32[2])
    (1): BatchNorm(weight: float32[2], bias: float32[2], running_mean: float32[2], running_var: float32[2], num_batches_tracked: int64[])
    (2): Lambda()
  )
  (blocks.0): Linear(weight: float32[2, 2], bias: float32[2])
  (blocks.1): Linear(weight: float32[1, 2])
  (dropout): Dropout()
)`);
    expect(inspect({ a: { b: { c: new Network() } } }, { depth: 2 })).toContain("Network(…)");
  });
});
