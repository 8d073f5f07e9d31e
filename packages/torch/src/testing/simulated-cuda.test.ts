import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cudaDriver, cudaIsAvailable, functional, Generator, grad, manualSeed, nn, optim, randn, tensor, zeros } from "../index.js"; // biome-ignore format: names
import { type SimulatedCuda, simulateCuda } from "./simulated-cuda.js";

let gpu: SimulatedCuda;
beforeEach(() => {
  manualSeed(1);
  gpu = simulateCuda();
});
afterEach(() => gpu[Symbol.dispose]());

describe("a simulated GPU", () => {
  it("exists until it is disposed of", () => {
    expect(cudaIsAvailable()).toBe(true);
    expect(cudaDriver()?.gpus[0]?.name).toBe("Simulated GPU");
    expect(zeros([2], { device: "cuda" }).device).toBe("cuda:0");
    gpu[Symbol.dispose]();
    expect(cudaDriver()?.gpus[0]?.name).not.toBe("Simulated GPU");
  });

  it("refuses tensors of another device, except single numbers", () => {
    const [here, there] = [randn([2, 3]), randn([2, 3], { device: "cuda" })];
    expect(() => there.add(here)).toThrow(/aten::add.Tensor: expected all tensors on one device/);
    expect(() => functional.linear(there, randn([4, 3]))).toThrow(/one device/);
    expect(there.mul(tensor(2)).device).toBe("cuda:0");
  });

  it("has its own stream of random numbers, with a state", () => {
    const stream = Generator.default("cuda");
    const [cpu, state] = [Generator.default().state, stream.state];
    const first = randn([3], { device: "cuda" });
    expect(Generator.default().state.equal(cpu)).toBe(true);
    expect(randn([3], { device: "cuda" }).toNumbers()).not.toEqual(first.toNumbers());
    stream.state = state;
    expect(randn([3], { device: "cuda" }).toNumbers()).toEqual(first.toNumbers());
    expect(() => randn([3], { device: "cuda", generator: Generator.seeded(1) })).toThrow(/generator/);
  });

  it("counts how often the CPU waits for it", () => {
    const there = tensor([1, 2, 3], { device: "cuda" });
    const bytes = tensor(new Uint8Array(6), { shape: [2, 3], device: "cuda" });
    expect([there.device, bytes.device, bytes.dtype]).toEqual(["cuda:0", "cuda:0", "uint8"]);
    expect(gpu.waits).toBe(0);
    there.to({ device: "cpu" });
    there.sum().item();
    there.toArray();
    tensor([1]).to({ device: "cuda" });
    expect(gpu.waits).toBe(4);
  });
});

describe("on a GPU", () => {
  it("networks, their gradients, Adam and its state are on the device that the network was moved to", () => {
    const network = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm(4), new nn.Linear(4, 2));
    network.to({ device: "cuda" });
    const adam = new optim.Adam(network.namedParameters());
    const loss = network
      .forward(randn([5, 3], { device: "cuda" }))
      .square()
      .mean();
    const gradients = grad([loss], network.parameters());
    optim.clipGradNorm(gradients, 1);
    adam.step(gradients);
    const all = [...network.stateDict().values(), ...adam.stateDict().values(), ...gradients];
    expect(all.every(({ device }) => device === "cuda:0")).toBe(true);
    expect(gpu.waits).toBe([...network.stateDict()].length); // Moving the network, and nothing after it.
  });

  it("an LSTM accepts its lengths on the CPU", () => {
    const lstm = new nn.BidirectionalLstm(3, 2);
    const input = randn([2, 4, 3]);
    const expected = lstm.forward(input, [2, 4]).output.toNumbers();
    lstm.to({ device: "cuda" });
    const { output } = lstm.forward(input.to({ device: "cuda" }), [2, 4]);
    expect(output.device).toBe("cuda:0");
    expect(output.toNumbers()).toEqual(expected);
  });
});
