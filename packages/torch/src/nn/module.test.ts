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

  it("switches all its parts between training and evaluation", () => {
    const network = new Network().eval();
    expect([network.dropout.training, network.blocks[0]!.training]).toEqual([false, false]);
    expect(network.train().dropout.training).toBe(true);
  });

  it("takes a state in, and gives it out again", () => {
    const [from, to] = [new Network(), new Network()];
    to.loadStateDict(from.stateDict());
    for (const [name, value] of to.stateDict())
      expect(value.equal(from.stateDict().get(name)!), name).toBe(true);
  });

  it("refuses a state that does not fit, changing nothing", () => {
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

  it("moves to float64 whole, its integers apart, and trains on there", () => {
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
});
