import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { pathOfAddon } from "./addon-path.js";
import { Generator, manualSeed, ones, rand, randint, randn, scope, tensor, zeros } from "./index.js";

describe("generators", () => {
  it("give the same numbers for the same seed, and different ones for another", () => {
    const draw = (seed: number) => randn([20], { generator: Generator.seeded(seed) }).toNumbers();
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it("equal PyTorch's: torch.manual_seed(0); torch.randn(3)", () => {
    const drawn = randn([3], { generator: Generator.seeded(0) }).toNumbers();
    for (const [i, expected] of [1.540996, -0.2934289, -2.1787894].entries())
      expect(drawn[i]).toBeCloseTo(expected, 6);
  });

  it("resume from a saved state, for every kind of number", () => {
    const generator = Generator.seeded(7);
    // An odd number of normals leaves one of a pair, which the state must include.
    randn([3], { generator });
    const state = generator.state;
    const draw = () => [
      randn([3], { generator }).toNumbers(),
      rand([5], { generator }).toNumbers(),
      randint(0, 1000, [5], { generator }).toNumbers(),
      zeros([3], { dtype: "float64" }).normal_(1, 2, generator).toNumbers(),
      zeros([3]).uniform_(2, 3, generator).toNumbers(),
      zeros([9]).bernoulli_(0.5, generator).toNumbers(),
    ];
    const first = draw();
    expect(draw()).not.toEqual(first);
    generator.state = state;
    expect(draw()).toEqual(first);
    const other = Generator.seeded(0);
    other.state = state;
    expect(randn([3], { generator: other }).toNumbers()).toEqual(first[0]);
  });

  it("have a default, started by manualSeed", () => {
    manualSeed(3);
    const state = Generator.default().state;
    const first = randn([4]).toNumbers();
    manualSeed(3);
    expect(randn([4]).toNumbers()).toEqual(first);
    Generator.default().state = state;
    expect(randn([4]).toNumbers()).toEqual(first);
  });

  it("refuse invalid states, and stay unchanged", () => {
    const generator = Generator.seeded(1);
    const size = generator.state.numel;
    const wrong = [
      ones([3]),
      zeros([0], { dtype: "uint8" }),
      zeros([size], { dtype: "uint8" }),
      zeros([size]),
    ];
    for (const state of wrong) {
      expect(() => {
        generator.state = state;
      }).toThrow(/setGeneratorState\(an object, tensor /);
    }
    expect(() => {
      generator.state = 5 as never;
    }).toThrow(/expected a tensor/);
    const reference = Generator.seeded(1);
    expect(randn([2], { generator }).toNumbers()).toEqual(randn([2], { generator: reference }).toNumbers());
  });

  it("are refused if they are not generators", () => {
    for (const wrong of [{}, 5, null, { native: 5 }, tensor(1), Generator]) {
      expect(() => randn([2], { generator: wrong as never }), String(wrong)).toThrow(/expected a Generator/);
    }
    expect(() => Generator.seeded(0.5)).toThrow(/seed: expected an integer/);
    expect(() => Generator.seeded(1, "moon")).toThrow(/generator\(number 1, string "moon"\)/);
  });

  it("return a consistent state while another thread samples from the same one", async () => {
    const generator = Generator.default();
    // The generator's 624 words are renewed together; they follow a header of 24 bytes, 8 bytes each.
    const words = () => Buffer.from(generator.state.toBytes().subarray(24, 24 + 8 * 624)).toString("base64");
    const whole = new Set<string>();
    manualSeed(1);
    for (let i = 0; i <= 50; i++, rand([624])) whole.add(words());
    const addon = pathOfAddon();
    const draw = `
      const native = require(${JSON.stringify(addon)});
      const rand = native.operator("aten::rand");
      native.manualSeed(1);
      require("node:worker_threads").parentPort.postMessage("ready");
      for (;;) {
        native.manualSeed(1);
        native.dispose(native.call(rand, [50 * 624]));
      }`;
    const worker = new Worker(draw, { eval: true });
    await once(worker, "message");
    let torn = 0;
    for (let i = 0; i < 5000; i++) if (!scope(() => whole.has(words()))) torn++;
    await worker.terminate();
    expect(torn).toBe(0);
  });
});
