import { describe, expect, it } from "vitest";
import { arange, grad, type Index, slice, type Tensor, tensor, zeros } from "../index.js";

/** x = torch.arange(24).reshape(2, 3, 4) */
const x = () => arange(0, 24).reshape(2, 3, 4);
const long = (values: number[] | number[][]) => tensor(values, { dtype: "int64" });
const bool = (values: boolean[] | boolean[][]) => tensor(values, { dtype: "bool" });
const everySecond = slice(undefined, undefined, 2);

/** Shapes and values of PyTorch 1.13 for the same x[…]. */
const cases: [python: string, at: Index[], shape: number[], values: number[]][] = [
  ["x[1]", [1], [3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
  ["x[-1, 2, 3]", [-1, 2, 3], [], [23]],
  ["x[0, 1:]", [0, slice(1)], [2, 4], [4, 5, 6, 7, 8, 9, 10, 11]],
  ["x[:, :-1, ::2]", [slice(), slice(0, -1), everySecond], [2, 2, 2], [0, 2, 4, 6, 12, 14, 16, 18]],
  ["x[0, 5:9]", [0, slice(5, 9)], [0, 4], []],
  ["x[..., -1]", ["...", -1], [2, 3], [3, 7, 11, 15, 19, 23]],
  ["x[1, ..., 0]", [1, "...", 0], [3], [12, 16, 20]],
  ["x[1, 2, 3, ...]", [1, 2, 3, "..."], [], [23]],
  ["x[1, 2, None, None]", [1, 2, null, null], [1, 1, 4], [20, 21, 22, 23]],
  ["x[None, ..., 0, None, 0]", [null, "...", 0, null, 0], [1, 2, 1], [0, 12]],
  ["x[[0, 1], [1, 2]]", [[0, 1], [1, 2]], [2, 4], [4, 5, 6, 7, 20, 21, 22, 23]],
  ["x[1, [2, 0, 2], 3]", [1, [2, 0, 2], 3], [3], [23, 15, 23]],
  ["x[tensor([[0, -1]]), 0, 0]", [long([[0, -1]]), 0, 0], [1, 2], [0, 12]],
  ["x[tensor(1), tensor(2)]", [tensor(1, { dtype: "int64" }), tensor(2, { dtype: "int32" })], [4], [20, 21, 22, 23]],
  ["x[:, tensor([2, 0], dtype=int64), 1]", [slice(), tensor([2, 0], { dtype: "int16" }), 1], [2, 2], [9, 1, 21, 13]],
  ["x[[1], :, [3]]", [[1], slice(), [3]], [1, 3], [15, 19, 23]],
  ["x[x > 20]", [x().gt(20)], [3], [21, 22, 23]],
  ["x[:, [True, False, True], 0]", [slice(), bool([true, false, true]), 0], [2, 2], [0, 8, 12, 20]],
  ["x[mask of 2 × 3][:, 0:2]", [bool([[true, false, true], [false, false, true]]), slice(0, 2)], [3, 2], [0, 1, 8, 9, 20, 21]],
  ["x[[]]", [[]], [0, 3, 4], []],
  ["x[()]", [], [2, 3, 4], Array.from({ length: 24 }, (_, i) => i)],
]; // biome-ignore format: one a line

describe("index", () => {
  it.each(cases)("%s", (_, at, shape, values) => {
    const found = x().index(...at);
    expect(found.shape).toEqual(shape);
    expect(found.toNumbers()).toEqual(values);
  });

  it.each(cases)("indexPut_ writes where index reads: %s", (_, at, shape, values) => {
    const written = x();
    expect(written.indexPut_(at, -1)).toBe(written);
    const reached = new Set(values);
    expect(written.toNumbers()).toEqual(Array.from({ length: 24 }, (_, i) => (reached.has(i) ? -1 : i)));
    const again = x();
    again.indexPut_(
      at,
      x()
        .index(...at)
        .mul(2),
    );
    expect(again.toNumbers()).toEqual(Array.from({ length: 24 }, (_, i) => (reached.has(i) ? 2 * i : i)));
    expect(again.index(...at).shape).toEqual(shape);
  });

  it("returns a view for numbers, slices and null, and a copy for tensors", () => {
    const base = zeros([2, 3]);
    base.index(0, slice(1), null).fill_(1);
    base.index([1]).fill_(5);
    base.index("...").index(1, 0).fill_(2);
    expect(base.toNumbers()).toEqual([0, 1, 1, 2, 0, 0]);
  });

  it("has gradients, which are summed for repeated elements", () => {
    const leaf = tensor([1, 2, 3], { requiresGrad: true });
    const [gradient] = grad(
      [
        leaf
          .index([0, 2, 2])
          .mul(tensor([1, 10, 100]))
          .sum(),
      ],
      [leaf],
    );
    expect(gradient!.toNumbers()).toEqual([1, 0, 110]);
    const values = tensor([7], { requiresGrad: true });
    const written = leaf.mul(1).indexPut_([slice(1, 2)], values);
    const [ofLeaf, ofValues] = grad([written.square().sum()], [leaf, values]);
    expect([ofLeaf!.toNumbers(), ofValues!.toNumbers()]).toEqual([[2, 0, 6], [14]]);
  });

  it("adds with accumulate, repeatedly for repeated elements", () => {
    const sums = () => zeros([3]);
    expect(
      sums()
        .indexPut_([[0, 0, 2]], tensor([1, 2, 3]), true)
        .toNumbers(),
    ).toEqual([3, 0, 3]);
    expect(
      sums()
        .indexPut_([slice(1)], 2, true)
        .indexPut_([1], 1, true)
        .toNumbers(),
    ).toEqual([0, 3, 2]);
  });

  it("writes numbers of every dtype, and broadcast values", () => {
    for (const dtype of ["float32", "bfloat16", "int64", "bool"] as const)
      expect(
        zeros([3], { dtype })
          .indexPut_([[0, 2]], 1)
          .toNumbers(),
      ).toEqual([1, 0, 1]);
    expect(
      zeros([2, 2])
        .indexPut_([slice(), [1, 0]], tensor([[1, 2]]))
        .toNumbers(),
    ).toEqual([2, 1, 2, 1]);
    expect(
      zeros([2, 2])
        .indexPut_([1], tensor([[[3, 4]]]))
        .toNumbers(),
    ).toEqual([0, 0, 3, 4]);
    expect(() => zeros([2, 2]).indexPut_([1], tensor([[3, 4], [5, 6]]))).toThrow(/aten::copy_/); // biome-ignore format: rows
  });

  it("refuses invalid indices, and reports what was found", () => {
    const wrong: [unknown[], string | RegExp][] = [
      [[0, 0, 0, 0], "index: 4 indices for Tensor int64[2, 3, 4]"],
      [["...", "..."], '"..." may occur only once'],
      [[{}], /found object .*expected a number, slice/],
      [["0"], /found string 0/],
      [[undefined], /found undefined/],
      [[[0.5]], /found 0.5 in an array, expected integers/],
      [[[[0]]], /found 0 in an array/],
      [[0.5], /select/],
      [[5], /index 5 out of range|out of range/],
      [[[5]], /out of bounds/],
      [[tensor([1])], /Tensor float32\[1\] is not an index/],
      [[tensor(true, { dtype: "bool" })], /has no dimensions/],
      [[bool([true])], /mask|shape/],
      [[new Array(2 ** 32 - 1)], /an array of 4294967295 is too long/],
      [Array(300).fill(null), /found 300 indices/],
      [[slice(0, 2, 0)], /step/],
      [[slice(0, 2, -1)], /step/],
    ];
    for (const [at, message] of wrong) {
      expect(() => x().index(...(at as Index[])), String(message)).toThrow(message);
      expect(() => x().indexPut_(at as Index[], 1), String(message)).toThrow(message);
    }
    expect(() => x().indexPut_(new Array(2 ** 32 - 1), 1)).toThrow(/found 4294967295 indices/);
    expect(() => x().indexPut_(0 as never, 1)).toThrow(/expected an array of indices/);
    expect(() => x().indexPut_([0], undefined as unknown as Tensor)).toThrow(TypeError);
  });
});
