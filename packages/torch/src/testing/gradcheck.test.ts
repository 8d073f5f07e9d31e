import { describe, expect, it } from "vitest";
import { manualSeed, noGrad, rand, randn, type Tensor, tensor } from "../index.js";
import { gradcheck, gradgradcheck } from "./gradcheck.js";

const random = (...shape: number[]) => randn(shape, { dtype: "float64" });

describe("gradcheck", () => {
  it("passes right gradients and returns a small error", () => {
    manualSeed(1);
    expect(gradcheck((x, y) => x.matmul(y!).tanh(), [random(3, 4), random(4, 2)])).toBeLessThan(1e-6);
  });

  it("restores its inputs", () => {
    const x = tensor([0.1, 0.2, 1 / 3], { dtype: "float64" });
    const values = x.toNumbers();
    gradcheck((a) => a.exp(), [x]);
    expect(x.toNumbers()).toEqual(values);
    expect(x.requiresGrad).toBe(false);
  });

  it("names a wrong element", () => {
    // The factor is detached, so its part of the gradient of x·x is missing.
    const x = tensor([1, 2], { dtype: "float64" });
    expect(() => gradcheck((a) => a.mul(a.detach()), [x])).toThrow(
      /input 0 \(Tensor float64\[2\]\), element 0: the gradient is .*finite differences give/,
    );
  });

  it("finds a gradient that is wrong by 2 in 100,000", () => {
    const almost = (x: Tensor) => x.mul(x).add(x.detach().mul(2e-5).mul(x.detach()));
    expect(() => gradcheck(almost, [random(3)])).toThrow(/relative error/);
  });

  it("refuses float32, tensors that are not leaves, and functions that are not repeatable", () => {
    expect(() => gradcheck((x) => x.exp(), [randn([2])])).toThrow(TypeError);
    const leaf = random(2);
    leaf.requiresGrad = true;
    expect(() => gradcheck((x) => x.exp(), [leaf.mul(2)])).toThrow(TypeError);
    const noisy = (x: Tensor) => x.mul(rand([2], { dtype: "float64" }));
    expect(() => gradcheck(noisy, [random(2)])).toThrow(/different results/);
  });

  it("accepts an input that the result does not depend on", () => {
    expect(gradcheck((x) => x.mul(2), [random(2), random(2)])).toBeLessThan(1e-6);
    expect(() => gradcheck((x, y) => x.add(y!.detach()), [random(2), random(2)])).toThrow(/input 1/);
  });

  it("accepts views and permuted inputs", () => {
    const x = noGrad(() => random(2, 3).permute(1, 0));
    gradcheck((a) => a.square(), [x]);
  });

  it("checks second derivatives", () => {
    gradgradcheck((x, y) => x.pow(3).mul(y!.exp()), [random(3), random(3)]);
    // A factor that is detached in the first derivative only is found in the second.
    const x = random(3);
    gradcheck((a) => a.square().mul(0.5), [x]);
    expect(() => gradgradcheck((a) => a.mul(a.detach()), [x])).toThrow(/gradcheck: input 0/);
  });
});
