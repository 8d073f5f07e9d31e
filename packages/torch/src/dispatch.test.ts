import { describe, expect, it } from "vitest";
import { call, ones, schema, type Tensor, tensor, zeros } from "./index.js";

describe("call", () => {
  it("reaches any operator, with its defaults", () => {
    const x = tensor([[3, 1], [2, 4]]); // biome-ignore format: rows
    expect(call<Tensor>("cumsum", x, 0).toNumbers()).toEqual([3, 1, 5, 5]);
    expect(call<Tensor>("aten::trace", x).item()).toBe(7);
    const [values, indices] = call<[Tensor, Tensor]>("sort", x, 1, true);
    expect(values.toNumbers()).toEqual([3, 1, 4, 2]);
    expect(indices.dtype).toBe("int64");
  });

  it("returns numbers, booleans, lists and nothing as JavaScript values", () => {
    expect(call("size.int", ones([2, 3]), 1)).toBe(3);
    expect(call("is_floating_point", ones([1]))).toBe(true);
    expect(call<Tensor[]>("unbind.int", ones([3]))).toHaveLength(3);
    expect(call("_foreach_add_.Scalar", [ones([1])], 1)).toBeUndefined();
  });

  it("accepts null and undefined for absent arguments, and one number for a list of equal numbers", () => {
    const pooled = call<Tensor>("avg_pool2d", ones([1, 1, 4, 4]), 2, undefined, 0, false, true, null);
    expect(pooled.shape).toEqual([1, 1, 2, 2]);
    expect(
      call<Tensor>("index.Tensor", ones([2, 3]), [null, tensor([0, 2], { dtype: "int64" })]).shape,
    ).toEqual([2, 2]);
  });

  it("accepts bigints for integers", () => {
    expect(call<Tensor>("add.Scalar", tensor(1, { dtype: "int64" }), 2n ** 60n).toArray()[0]).toBe(
      2n ** 60n + 1n,
    );
    expect(() => call("add.Scalar", ones([1]), 2n ** 70n)).toThrow(/64 bits/);
  });
});

describe("errors of call", () => {
  it("names operator, arguments and shapes", () => {
    expect(() => ones([2, 3]).matmul(ones([2, 3]))).toThrow(
      /^aten::matmul\(self: tensor float32\[2, 3\], other: tensor float32\[2, 3\]\): mat1 and mat2 shapes cannot be multiplied/,
    );
    expect(() => call("reshape", ones([2, 3]), [4, -1])).toThrow(
      /^aten::reshape\(self: tensor float32\[2, 3\], shape: \[4, -1\]\)/,
    );
  });

  it("are TypeErrors if an argument has the wrong type", () => {
    const x = ones([2]);
    const wrong: [string, unknown[], RegExp][] = [
      ["add.Tensor", [], /argument 'self' is missing/],
      ["add.Tensor", [x], /argument 'other' is missing/],
      ["add.Tensor", [x, "2"], /other: expected a tensor, found string "2"/],
      ["add.Tensor", [x, x, 1, 2, 3], /expected at most 3 arguments, found 5/],
      ["sum.dim_IntList", [x, 0.5], /dim: expected an array, found number 0.5|expected an integer/],
      ["sum.dim_IntList", [x, ["a"]], /dim: expected an integer, found string "a"/],
      ["view", [x, [Number.NaN]], /size: expected an integer, found number nan/i],
      ["zeros", [[2], "float33"], /"float33" is not a dtype; expected one of: /],
      ["zeros", [[2], 6], /dtype: expected a dtype such as "float32"/],
      ["softmax.int", [x, "mean"], /dim: expected an integer, found string "mean"/],
      ["normal_", [x, 0, 1, {}], /generator: expected a generator, found an object/],
      ["cat", [new Array(2 ** 32 - 1)], /a list of 4294967295 elements is too long/],
      ["cat", [[x, null]], /tensors: expected a tensor, found null/],
      ["max_pool2d", [zeros([1, 1, 4, 4]), []], /kernel_size: expected 2 numbers, found 0/],
      ["conv2d", [zeros([1, 1, 4, 4]), zeros([1, 1, 1, 1]), null, 0], /stride: 0 is less than 1/],
    ];
    for (const [name, values, message] of wrong) {
      expect(() => call(name, ...values), name).toThrow(message);
      expect(() => call(name, ...values), name).toThrow(TypeError);
      expect(() => call(name, ...values), name).toThrow(`aten::${name.split(".")[0]}`);
    }
  });

  it("suggest other overloads if a name is unknown", () => {
    expect(() => call("add.Tenser")).toThrow(/"aten::add.Tenser" is unknown.*aten::add.Tensor/);
    expect(() => call("nonsense")).toThrow(/unknown to libtorch/);
    expect(() => call(Symbol("x") as unknown as string)).toThrow(/expected an operator's name/);
    expect(() => schema("nonsense")).toThrow(/unknown/);
    expect(schema("relu")).toBe("aten::relu(Tensor self) -> Tensor");
  });

  it("pass on the error of a getter, and survive one that disposes of tensors", () => {
    const list = [ones([1])];
    Object.defineProperty(list, 0, {
      get: () => {
        throw new RangeError("mine");
      },
    });
    expect(() => call("cat", list)).toThrow(new RangeError("mine"));
    const [a, b] = [ones([1]), ones([1])];
    const sly = [a, b];
    Object.defineProperty(sly, 1, {
      get: () => {
        a.dispose();
        return b;
      },
    });
    expect(() => call("cat", sly)).toThrow(/\[a disposed tensor, tensor float32\[1\]\]/);
  });
});

describe("a call that would crash libtorch", () => {
  it("is refused if an operator does not check its arguments", () => {
    expect(() => call("_stack", [], 0)).toThrow(/aten::_stack.*refused/);
    expect(() => call("native_channel_shuffle", ones([1, 2, 1, 1]), 0)).toThrow(Error);
  });

  it("cannot leave a tensor with a shape beyond its memory", () => {
    const x = ones([2]);
    expect(() => call("resize_", x, [2 ** 45])).toThrow(/aten::resize_/);
    expect(x.shape).toEqual([0]);
    const y = ones([2]);
    expect(() => call("resize_", y, [-(2 ** 31), -2])).toThrow(/aten::resize_/);
    expect(y.toNumbers()).toEqual([]);
    expect(() => call("as_strided", ones([2]), [100], [1])).toThrow(/as_strided/);
    expect(() => call("zeros.out", [2 ** 45], y)).toThrow();
    expect(y.shape).toEqual([0]);
  });

  it("cannot pass packed sequences that do not fit their data", () => {
    const packed = (sizes: number[]) => () =>
      call("_pad_packed_sequence", ones([3, 2]), tensor(sizes, { dtype: "int64" }), true, 0, 2);
    expect(packed([2, 1])).not.toThrow();
    for (const wrong of [[], [1, 2], [2, 2], [3, 0], [-1], [2 ** 40]])
      expect(packed(wrong)).toThrow(/batch_sizes/);
  });
});
