import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { arange, call, full, noGrad, ones, scope, Tensor, tensor, zeros } from "../index.js";
import { simulateCuda } from "../testing/index.js";

/** The output of PyTorch 1.13's `print(…)`, up to the notes after the values. */
const valuesOf = (text: string) => text.replace(/, shape=.*/, ")");
const steps = Float64Array.from({ length: 15 }, (_, i) => Math.fround(i / 14));

const same: [string, () => Tensor, string][] = [
  ["whole floats", () => tensor([[1, 2], [3, 4]]), "tensor([[1., 2.],\n        [3., 4.]])"],
  ["a number", () => tensor(7), "tensor(7.)"],
  ["fractions", () => tensor([-1.5, 100]), "tensor([ -1.5000, 100.0000])"],
  ["a half digit", () => tensor([0.03125, 0.09375, 1]), "tensor([0.0312, 0.0938, 1.0000])"],
  ["a wide range", () => tensor([[1e-3, 100.123]], { dtype: "float64" }), "tensor([[1.0000e-03, 1.0012e+02]])"],
  ["small ones", () => tensor([1e-5, 2e-5]), "tensor([1.0000e-05, 2.0000e-05])"],
  ["large ones", () => tensor([1e9]), "tensor([1.0000e+09])"],
  ["zeros beside whole ones", () => tensor([12345, 0]), "tensor([12345.,     0.])"],
  ["what is no number", () => tensor([0, Number.NaN, Number.NEGATIVE_INFINITY]), "tensor([0., nan, -inf])"],
  ["no number beside fractions", () => tensor([2.5, Number.NaN]), "tensor([2.5000,    nan])"],
  ["a zero below zero", () => tensor(-0), "tensor(-0.)"],
  ["a wide range with a half digit and a zero", () => tensor([1000.25, -0, 0.5]), "tensor([1.0002e+03, -0.0000e+00, 5.0000e-01])"],
  ["integers", () => tensor([[-3, 10]], { dtype: "int8" }), "tensor([[-3, 10]])"],
  ["integers beyond 2⁵³", () => tensor(new BigInt64Array([2n ** 53n + 1n])), "tensor([9007199254740993])"],
  ["booleans, in JavaScript's spelling", () => tensor([true, false], { dtype: "bool" }), "tensor([ true, false])"],
  ["bfloat16", () => tensor([0.1, 0.2], { dtype: "bfloat16" }), "tensor([0.1001, 0.2002])"],
  ["float16", () => tensor([1 / 3], { dtype: "float16" }), "tensor([0.3333])"],
  ["nothing", () => zeros([0, 3]), "tensor([])"],
  ["nothing, of many rows", () => zeros([2 ** 40, 0]), "tensor([])"],
  ["four dimensions", () => zeros([2, 1, 2, 1]), "tensor([[[[0.],\n          [0.]]],\n\n\n        [[[0.],\n          [0.]]]])"],
  [
    "lines that are full",
    () => tensor(steps),
    "tensor([0.0000, 0.0714, 0.1429, 0.2143, 0.2857, 0.3571, 0.4286, 0.5000, 0.5714,\n" +
      "        0.6429, 0.7143, 0.7857, 0.8571, 0.9286, 1.0000])",
  ],
  ["the edges of more than 1,000", () => arange(0, 2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"],
  [
    "the edges, by the range of the edges alone",
    () => arange(0, 1200, 1, { dtype: "float32" }).reshape(2, 600),
    "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 5.9700e+02, 5.9800e+02,\n" +
      "         5.9900e+02],\n" +
      "        [6.0000e+02, 6.0100e+02, 6.0200e+02,  ..., 1.1970e+03, 1.1980e+03,\n" +
      "         1.1990e+03]])",
  ],
  [
    "the edges of rows and columns",
    () => full([9, 112], 1.5),
    `tensor([${["", "", "", "...", "", "", ""]
      .map((row) => row || "[1.5000, 1.5000, 1.5000,  ..., 1.5000, 1.5000, 1.5000]")
      .join(",\n        ")}])`,
  ],
]; // biome-ignore format: one a line

describe("console.log of a tensor", () => {
  it.each(same)("prints like PyTorch: %s", (_, make, expected) => {
    expect(valuesOf(inspect(make()))).toBe(expected);
  });

  it("has all elements up to 1,000, and only the edges of larger tensors", () => {
    expect(inspect(ones([1000])).match(/1\./g)).toHaveLength(1000);
    expect(inspect(ones([1001])).match(/1\./g)).toHaveLength(6);
  });

  it("shows shape, dtype, and properties that are not the default", () => {
    expect(inspect(tensor(1))).toBe("tensor(1., shape=[], dtype=float32)");
    expect(inspect(zeros([0, 3], { dtype: "float16" }))).toBe("tensor([], shape=[0, 3], dtype=float16)");
    const leaf = tensor([1, 2], { requiresGrad: true });
    expect(inspect(leaf)).toBe("tensor([1., 2.], shape=[2], dtype=float32, requiresGrad=true)");
    expect(inspect(leaf.mul(2))).toBe("tensor([2., 4.], shape=[2], dtype=float32, requiresGrad=true)");
    expect(noGrad(() => inspect(leaf.mul(2)))).not.toContain("requiresGrad");
  });

  it("shows the device, and copies only the shown elements from it", () => {
    using cuda = simulateCuda();
    const x = zeros([40, 50], { device: "cuda" });
    expect(inspect(x)).toMatch(/shape=\[40, 50\], dtype=float32, device=cuda:0\)$/);
    expect(cuda.waits).toBe(1);
  });

  it("prints views and transposed tensors in their order", () => {
    expect(inspect(tensor([[1, 2], [3, 4]]).t())).toMatch(/^tensor\(\[\[1., 3.\],\n {8}\[2., 4.\]\]/); // biome-ignore format: rows
  });

  it("is short in deeply nested objects, and indented in others", () => {
    const x = tensor([[1, 2], [3, 4]]); // biome-ignore format: rows
    expect(inspect({ a: { x } }, { depth: 0 })).toContain("[Object]");
    expect(inspect([[x]], { depth: 1 })).toContain("[Tensor float32[2, 2]]");
    expect(inspect({ x })).toBe(
      "{\n  x: tensor([[1., 2.],\n          [3., 4.]], shape=[2, 2], dtype=float32)\n}",
    );
  });

  it("never throws: disposed, without a libtorch tensor, of other dtypes", () => {
    const x = ones([2]);
    x.dispose();
    expect(inspect(x)).toBe("Tensor (disposed)");
    expect(inspect(Object.create(x))).toContain("Tensor");
    expect(inspect(Tensor.prototype)).toContain("Tensor");
    const complex = call<Tensor>("complex", ones([2]), ones([2]));
    expect(inspect(complex)).toMatch(/^Tensor .*\[2\]$/);
    expect(String(ones([2]))).toBe("Tensor float32[2]");
  });

  it("leaves no tensors in the scope", () => {
    scope(() => {
      const x = zeros([2000]);
      inspect(x);
      expect(x.isDisposed).toBe(false);
    });
  });
});
