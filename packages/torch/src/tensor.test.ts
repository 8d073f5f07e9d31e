import { describe, expect, it } from "vitest";
import {
  arange,
  cat,
  type DType,
  empty,
  eye,
  fromBytes,
  full,
  type NestedNumbers,
  ones,
  scope,
  stack,
  Tensor,
  type TypedArray,
  tensor,
  where,
  zeros,
} from "./index.js";

describe("values in and out", () => {
  const arrays: [DType, TypedArray][] = [
    ["float32", new Float32Array([0, -1.5, Number.NaN, Number.POSITIVE_INFINITY, 3e38, -0])],
    ["float64", new Float64Array([Math.PI, -0, 1e300, Number.NEGATIVE_INFINITY, 5e-324, 1])],
    ["uint8", new Uint8Array([0, 1, 255, 128, 7, 9])],
    ["int8", new Int8Array([0, -128, 127, 1, -1, 2])],
    ["int16", new Int16Array([0, -32768, 32767, 1, -1, 2])],
    ["int32", new Int32Array([0, -(2 ** 31), 2 ** 31 - 1, 1, -1, 2])],
    ["int64", new BigInt64Array([0n, -(2n ** 63n), 2n ** 63n - 1n, 1n, -1n, 2n])],
  ];

  it.each(arrays)("keeps a typed array's dtype and every bit: %s", (dtype, array) => {
    const made = tensor(array, { shape: [2, 3] });
    expect(made.dtype).toBe(dtype);
    expect(made.shape).toEqual([2, 3]);
    expect(made.toArray()).toEqual(array);
    expect(made.toArray().constructor).toBe(array.constructor);
    expect(made.byteLength).toBe(array.byteLength);
  });

  it("reads a part of a buffer, and non-contiguous tensors in row-major order", () => {
    const buffer = new Float32Array([9, 1, 2, 3, 4, 9]);
    const made = tensor(buffer.subarray(1, 5), { shape: [2, 2] });
    expect(made.toNumbers()).toEqual([1, 2, 3, 4]);
    expect(made.t().isContiguous()).toBe(false);
    expect(made.t().toNumbers()).toEqual([1, 3, 2, 4]);
    expect(made.select(1, 1).toNumbers()).toEqual([2, 4]);
    buffer.fill(0);
    expect(made.toNumbers()).toEqual([1, 2, 3, 4]);
  });

  it("turns numbers, booleans and nested arrays into float32", () => {
    expect(tensor(3).shape).toEqual([]);
    expect(tensor([[1, 2, 3], [4, 5, 6]]).shape).toEqual([2, 3]); // biome-ignore format: rows
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([true, false], { dtype: "bool" }).toArray()).toEqual(new Uint8Array([1, 0]));
    expect(tensor([1.9, -1.9], { dtype: "int64" }).toNumbers()).toEqual([1, -1]);
  });

  it("converts half precision to float32 on the way out", () => {
    for (const dtype of ["float16", "bfloat16"] as const) {
      const made = tensor([1, -0.5, 256], { dtype });
      expect(made.byteLength).toBe(6);
      expect(made.toBytes()).toHaveLength(6);
      expect(made.toArray()).toEqual(new Float32Array([1, -0.5, 256]));
    }
    expect(tensor(1 + 2 ** -9, { dtype: "bfloat16" }).item()).toBe(1);
  });

  it("refuses values that are not tensors", () => {
    const wrong: unknown[] = [
      [[1, 2], [3]],
      [[1], 2],
      [1, [2]],
      ["1"],
      [undefined],
      [1n],
      null,
      undefined,
      "abc",
      {},
      new Array(2 ** 32 - 1),
      new Uint8ClampedArray(2),
      new DataView(new ArrayBuffer(4)),
    ];
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    for (const data of [...wrong, cyclic]) {
      expect(() => tensor(data as NestedNumbers), String(typeof data)).toThrow(/^tensor: /);
    }
    expect(() => tensor(new Float32Array(3), { shape: [2, 2] })).toThrow(
      "a tensor float32[2, 2] takes 16 bytes, found 12",
    );
    expect(() => tensor(new Float32Array(3), { shape: [-3] })).toThrow("-3 is negative");
    expect(() => fromBytes(new Uint8Array(4), [1], "float33" as DType)).toThrow('"float33" is not a dtype');
    expect(() => fromBytes(new Uint8Array(0), [2 ** 40, 2 ** 40, 0.5], "uint8")).toThrow(TypeError);
  });

  it("reads any byte of a bool as true or false", () => {
    expect(fromBytes(new Uint8Array([0, 1, 2, 255]), [4], "bool").toArray()).toEqual(
      new Uint8Array([0, 1, 1, 1]),
    );
  });

  it("survives a shape whose getter detaches the bytes", () => {
    const bytes = new Uint8Array(8);
    const shape = [0];
    Object.defineProperty(shape, 0, {
      get: () => {
        structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
        return 8;
      },
    });
    expect(() => fromBytes(bytes, shape, "uint8")).toThrow(/takes 8 bytes, found 0/);
  });

  it("rounds an int64 beyond 2⁵³ in item, and returns it exactly in toArray", () => {
    const large = tensor(new BigInt64Array([2n ** 53n + 1n]));
    expect(large.item()).toBe(2 ** 53);
    expect(large.toArray()[0]).toBe(2n ** 53n + 1n);
    expect(() => tensor([1, 2]).item()).toThrow(/item\(tensor float32\[2\]\)/);
  });
});

describe("creation", () => {
  it("has PyTorch's defaults", () => {
    expect(zeros([2]).dtype).toBe("float32");
    expect(full([2], 3).dtype).toBe("float32");
    expect(arange(0, 3).dtype).toBe("int64");
    expect(arange(0, 1, 0.25, { dtype: "float32" }).toNumbers()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(ones([1], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(eye(2).toNumbers()).toEqual([1, 0, 0, 1]);
    expect(empty([2, 0]).numel).toBe(0);
  });

  it("joins and chooses", () => {
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    expect(cat([a, b]).toNumbers()).toEqual([1, 2, 3, 4]);
    expect(stack([a, b], 1).toNumbers()).toEqual([1, 3, 2, 4]);
    expect(where(a.gt(1), a, b).toNumbers()).toEqual([3, 2]);
  });

  it("refuses more than the machine's memory, before the system ends the process", () => {
    for (const shape of [[2 ** 45], [2 ** 20, 2 ** 20, 4], [2 ** 52]]) {
      expect(() => zeros(shape)).toThrow(/aten::zeros\(size: \[.*(the machine has|cgroup is) /);
      expect(() => empty(shape)).toThrow(/aten::empty/);
    }
    expect(() => zeros([2 ** 40, 2 ** 40])).toThrow(/aten::zeros/);
    expect(() =>
      ones([1])
        .expand(2 ** 50)
        .toBytes(),
    ).toThrow();
    expect(() =>
      ones([1])
        .expand(2 ** 45)
        .contiguous(),
    ).toThrow(/(the machine has|cgroup is) /);
  });
});

describe("the tensor", () => {
  it("is described by dtype and shape", () => {
    expect(String(zeros([2, 3], { dtype: "int64" }))).toBe("Tensor int64[2, 3]");
    const gone = zeros([1]);
    gone.dispose();
    expect(String(gone)).toBe("Tensor (disposed)");
  });

  it("returns the same object if nothing changes, also in place", () => {
    const x = ones([2]);
    expect(x.to("float32")).toBe(x);
    expect(x.contiguous()).toBe(x);
    expect(x.add_(1)).toBe(x);
    expect(x.add(1)).not.toBe(x);
  });

  it("broadcasts and keeps integers integers", () => {
    const x = arange(0, 3);
    expect(x.add(2).dtype).toBe("int64");
    expect(x.mul(0.5).dtype).toBe("float32");
    expect(ones([2, 1]).add(ones([3])).shape).toEqual([2, 3]);
  });

  it("has channels-last as a layout of the same values", () => {
    const x = arange(0, 24, 1, { dtype: "float32" }).view(1, 2, 3, 4);
    const last = x.contiguous("channels_last");
    expect(last.strides).toEqual([24, 1, 8, 2]);
    expect([last.isContiguous(), last.isContiguous("channels_last")]).toEqual([false, true]);
    expect(last.toNumbers()).toEqual(x.toNumbers());
    expect(last.mul(2).isContiguous("channels_last")).toBe(true);
    expect(x.to({ dtype: "bfloat16", memoryFormat: "channels_last" }).isContiguous("channels_last")).toBe(
      true,
    );
    expect(() => x.contiguous("mean" as "contiguous")).toThrow('"mean" is not a memory format');
  });

  it("cannot be made with its constructor", () => {
    expect(() => new Tensor()).toThrow(/no public constructor/);
    class Own extends Tensor {}
    expect(() => new Own()).toThrow(/no public constructor/);
  });

  it("throws after it was disposed of, and can be disposed of twice", () => {
    const x = ones([2, 3]);
    x.dispose();
    x.dispose();
    expect(x.isDisposed).toBe(true);
    expect(() => x.shape).toThrow("shape(a disposed tensor): tensor: this tensor was disposed of");
    expect(() => ones([2]).add(x)).toThrow(/self: tensor float32\[2\], other: a disposed tensor/);
    expect(() => x.item()).toThrow(/disposed/);
  });

  it("is not accepted behind a proxy or as a prototype", () => {
    const x = ones([2]);
    for (const fake of [new Proxy(x, {}), Object.create(x), Tensor.prototype]) {
      expect(() => ones([2]).add(fake)).toThrow(TypeError);
    }
    const hostile = new Proxy(x, {
      getPrototypeOf: () => {
        throw new Error("trap");
      },
    });
    expect(() => stack([x, hostile])).toThrow(TypeError);
  });

  it("shares memory with its views", () => {
    const x = scope(() => zeros([2, 2]));
    x.select(0, 1).fill_(5);
    expect(x.toNumbers()).toEqual([0, 0, 5, 5]);
  });
});
