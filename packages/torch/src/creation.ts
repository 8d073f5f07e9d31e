/** Functions that make tensors. */
import { call } from "./dispatch.js";
import { type DType, dtypeOf, type TypedArray } from "./dtype.js";
import { native } from "./native.js";
import type { Generator } from "./random.js";
import type { Tensor } from "./tensor.js";

/** Defaults as in PyTorch: float32 on the CPU, without gradients. */
export interface TensorOptions {
  dtype?: DType;
  device?: string;
  requiresGrad?: boolean;
}

export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/**
 * A tensor with the given values: a number, nested arrays (float32 unless `dtype` says otherwise), or a typed array
 * (whose own dtype it keeps) with a `shape`.
 */
export function tensor(
  data: NestedNumbers | TypedArray,
  options: TensorOptions & { shape?: readonly number[] } = {},
): Tensor {
  if (ArrayBuffer.isView(data)) {
    const dtype = dtypeOf(data as TypedArray);
    return finish(fromBytes(data as TypedArray, options.shape ?? [data.length], dtype), options);
  }
  const shape = shapeOf(data);
  const values = Float64Array.from(flat(data));
  const made = fromBytes(values, options.shape ?? shape, "float64");
  return finish(made, { ...options, dtype: options.dtype ?? "float32" });
}

/** A tensor with these bytes (row-major, little-endian) for elements. */
export function fromBytes(data: TypedArray, shape: readonly number[], dtype: DType): Tensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return native.fromBytes(bytes, shape, dtype) as Tensor;
}

export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return withGrad(call("zeros", shape, options.dtype, undefined, options.device), options);
}

export function ones(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return withGrad(call("ones", shape, options.dtype, undefined, options.device), options);
}

export function full(shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype ?? "float32";
  return withGrad(call("full", shape, value, dtype, undefined, options.device), options);
}

export function empty(shape: readonly number[], options: TensorOptions = {}): Tensor {
  return withGrad(call("empty.memory_format", shape, options.dtype, undefined, options.device), options);
}

export function zerosLike(other: Tensor): Tensor {
  return call("zeros_like", other);
}

export function onesLike(other: Tensor): Tensor {
  return call("ones_like", other);
}

/** start, start + step, … below `end`, as int64 unless `dtype` says otherwise. */
export function arange(start: number, end: number, step = 1, options: TensorOptions = {}): Tensor {
  const dtype = options.dtype ?? "int64";
  return withGrad(call("arange.start_step", start, end, step, dtype, undefined, options.device), options);
}

export function eye(n: number, options: TensorOptions = {}): Tensor {
  return withGrad(call("eye", n, options.dtype, undefined, options.device), options);
}

/** Normal with mean 0 and variance 1. */
export function randn(
  shape: readonly number[],
  options: TensorOptions & { generator?: Generator } = {},
): Tensor {
  const { dtype, device, generator } = options;
  return withGrad(call("randn.generator", shape, generator?.native, dtype, undefined, device), options);
}

/** Uniform over [0, 1). */
export function rand(
  shape: readonly number[],
  options: TensorOptions & { generator?: Generator } = {},
): Tensor {
  const { dtype, device, generator } = options;
  return withGrad(call("rand.generator", shape, generator?.native, dtype, undefined, device), options);
}

/** Whole numbers from `low` to `high` − 1, int64. */
export function randint(
  low: number,
  high: number,
  shape: readonly number[],
  options: TensorOptions & { generator?: Generator } = {},
): Tensor {
  const { dtype = "int64", device, generator } = options;
  return call("randint.low_generator", low, high, shape, generator?.native, dtype, undefined, device);
}

export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  return call("cat", tensors, dim);
}

export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  return call("stack", tensors, dim);
}

/** `a` where `condition` holds, else `b`. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return call("where.self", condition, a, b);
}

function finish(made: Tensor, { dtype, device, requiresGrad }: TensorOptions): Tensor {
  const moved = made.to({ ...(dtype && { dtype }), ...(device && { device }) });
  return withGrad(moved, { ...(requiresGrad !== undefined && { requiresGrad }) });
}

function withGrad(made: Tensor, { requiresGrad }: TensorOptions): Tensor {
  if (requiresGrad) made.requiresGrad = true;
  return made;
}

function shapeOf(data: NestedNumbers): number[] {
  return Array.isArray(data) ? [data.length, ...(data.length > 0 ? shapeOf(data[0]) : [])] : [];
}

function* flat(data: NestedNumbers): IterableIterator<number> {
  if (!Array.isArray(data)) {
    yield Number(data);
    return;
  }
  const shape = shapeOf(data);
  for (const item of data as readonly NestedNumbers[]) {
    if (shapeOf(item).join() !== shape.slice(1).join())
      throw new TypeError("tensor: nested arrays differ in length");
    yield* flat(item);
  }
}
