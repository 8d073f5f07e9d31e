import { describe, expect, it } from "vitest";
import { arange, tensor, zeros } from "../index.js";

const x = () => arange(0, 6, 1, { dtype: "float32" }).reshape(2, 3);
const long = (values: number[][]) => tensor(values, { dtype: "int64" });

describe("parts", () => {
  it("gather and scatter_ use indices along a dimension", () => {
    const places = long([[2, 0], [1, 1]]); // biome-ignore format: rows
    expect(x().gather(1, places).toNumbers()).toEqual([2, 0, 4, 4]);
    const source = tensor([[10, 20], [30, 40]]); // biome-ignore format: rows
    expect(x().scatter_(1, long([[2, 0], [1, 0]]), source).toNumbers()).toEqual([20, 1, 10, 40, 30, 5]); // biome-ignore format: rows
    expect(
      x()
        .scatter_(0, long([[1, 0, 1]]), -1)
        .toNumbers(),
    ).toEqual([0, -1, 2, -1, 4, -1]);
    expect(zeros([2, 3]).scatterAdd_(1, places, source).toNumbers()).toEqual([20, 0, 10, 0, 70, 0]);
    expect(() => x().scatter_(1, long([[7]]), 1)).toThrow(/out of bounds/);
  });

  it("masks select and fill, and nonzero finds their elements", () => {
    const mask = x().gt(2).logicalAnd(x().ne(4));
    expect(x().maskedSelect(mask).toNumbers()).toEqual([3, 5]);
    expect(x().maskedFill(mask, -1).toNumbers()).toEqual([0, 1, 2, -1, 4, -1]);
    expect(x().maskedFill_(mask, 9).toNumbers()).toEqual([0, 1, 2, 9, 4, 9]);
    expect(mask.nonzero().toNumbers()).toEqual([1, 0, 1, 2]);
    expect(x().unbind(1).map((column) => column.toNumbers())).toEqual([[0, 3], [1, 4], [2, 5]]); // biome-ignore format: rows
  });
});

describe("shapes", () => {
  it("squeeze one dimension or all of extent 1", () => {
    expect(zeros([1, 2, 1]).squeeze().shape).toEqual([2]);
    expect(zeros([1, 2, 1]).squeeze(0).shape).toEqual([2, 1]);
  });

  it("roll, and triangles", () => {
    expect(x().roll(1, 1).toNumbers()).toEqual([2, 0, 1, 5, 3, 4]);
    expect(x().triu(1).toNumbers()).toEqual([0, 1, 2, 0, 0, 5]);
    expect(x().tril().toNumbers()).toEqual([0, 0, 0, 3, 4, 0]);
  });
});

describe("functions of one number", () => {
  it("equal JavaScript's functions", () => {
    const y = tensor([-1.5, 0.25, 2], { dtype: "float64" });
    const each: [string, number[], (value: number) => number][] = [
      ["sin", y.sin().toNumbers(), Math.sin],
      ["cos", y.cos().toNumbers(), Math.cos],
      ["sign", y.sign().toNumbers(), Math.sign],
      ["floor", y.floor().toNumbers(), Math.floor],
      ["ceil", y.ceil().toNumbers(), Math.ceil],
      ["reciprocal", y.reciprocal().toNumbers(), (value) => 1 / value],
      ["clamp_", y.clone().clamp_(-1, 1).toNumbers(), (value) => Math.min(1, Math.max(-1, value))],
      ["remainder", y.remainder(2).toNumbers(), (value) => ((value % 2) + 2) % 2],
    ];
    for (const [name, found, expected] of each)
      for (const [i, value] of y.toNumbers().entries())
        expect(found[i], name).toBeCloseTo(expected(value), 12);
    expect(tensor([1, Number.NaN]).isnan().toNumbers()).toEqual([0, 1]);
  });

  it("allclose accepts near values and refuses far ones", () => {
    const one = tensor([1, 2]);
    expect(one.allclose(tensor([1, 2.00001]))).toBe(true);
    expect(one.allclose(tensor([1, 2.001]))).toBe(false);
    expect(one.allclose(tensor([1, 2.001]), { atol: 0.01 })).toBe(true);
    const nan = tensor([Number.NaN]);
    expect([nan.allclose(nan), nan.allclose(nan, { equalNan: true })]).toEqual([false, true]);
  });
});
