/** Functions that make tensors. */
import { call } from "./dispatch.js";
import { type DType, dtypeOf, type TypedArray } from "./dtype.js";
import { native } from "./native.js";
import { type Generator, handleOf } from "./random.js";
import type { Tensor } from "./tensor.js";

/** Defaults as in PyTorch: float32 on the CPU, without gradients. */
export interface TensorOptions {
  dtype?: DType;
  device?: string;
  requiresGrad?: boolean;
}

export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/**
 * A tensor with the given values: a number, nested arrays (float32 by default), or a typed array
 * (whose own dtype it keeps) with a `shape`.
 */
export function tensor(
  data: NestedNumbers | TypedArray,
  options: TensorOptions & { shape?: readonly number[] } = {},
): Tensor {
  if (ArrayBuffer.isView(data)) {
    const array = data as TypedArray;
    return finish(fromBytes(array, options.shape ?? [array.length], dtypeOf(array)), options);
  }
  const shape = shapeOf(data);
  const values = Float64Array.from(flat(data, shape));
  const made = fromBytes(values, options.shape ?? shape, "float64");
  return finish(made, { ...options, dtype: options.dtype ?? "float32" });
}

/** A tensor whose elements have these bytes (row-major, little-endian). */
export function fromBytes(data: TypedArray, shape: readonly number[], dtype: DType): Tensor {
  if (!ArrayBuffer.isView(data))
    throw new TypeError(`fromBytes: expected a typed array, found ${kindOf(data)}`);
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

/** start, start + step, … below `end`, as int64 by default. */
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
  return withGrad(call("randn.generator", shape, handleOf(generator), dtype, undefined, device), options);
}

/** Uniform over [0, 1). */
export function rand(
  shape: readonly number[],
  options: TensorOptions & { generator?: Generator } = {},
): Tensor {
  const { dtype, device, generator } = options;
  return withGrad(call("rand.generator", shape, handleOf(generator), dtype, undefined, device), options);
}

/** Whole numbers from `low` to `high` − 1, int64. */
export function randint(
  low: number,
  high: number,
  shape: readonly number[],
  options: TensorOptions & { generator?: Generator } = {},
): Tensor {
  const { dtype = "int64", device, generator } = options;
  return call("randint.low_generator", low, high, shape, handleOf(generator), dtype, undefined, device);
}

export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  return call("cat", tensors, dim);
}

export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  return call("stack", tensors, dim);
}

/** `a` where `condition` is true, else `b`. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return call("where.self", condition, a, b);
}

function finish(made: Tensor, { dtype, device, requiresGrad }: TensorOptions): Tensor {
  const cast = dtype === undefined ? made : replace(made, made.to(dtype));
  const moved = device === undefined ? cast : replace(cast, toDevice(cast, device));
  return withGrad(moved, { requiresGrad: requiresGrad ?? false });
}

/** Copies through pinned memory, so that the caller does not wait for earlier work of the GPU. */
function toDevice(made: Tensor, device: string): Tensor {
  if (!device.startsWith("cuda")) return made.to({ device });
  const pinned = made.pinMemory();
  return replace(pinned, pinned.to({ device, nonBlocking: true }));
}

/** Returns `other` and frees the tensor that it was made from. */
function replace(made: Tensor, other: Tensor): Tensor {
  if (other !== made) made.dispose();
  return other;
}

function withGrad(made: Tensor, { requiresGrad }: TensorOptions): Tensor {
  if (requiresGrad) made.requiresGrad = true;
  return made;
}

/** Largest number of dimensions of libtorch's tensors. */
const MOST_DIMENSIONS = 64;

/** Extents of nested arrays, read from the first item of each. */
function shapeOf(data: unknown): number[] {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MOST_DIMENSIONS)
      throw new TypeError(`tensor: arrays are nested more than ${MOST_DIMENSIONS} deep`);
  }
  return shape;
}

/** The numbers in nested arrays of a shape, in row-major order. */
function* flat(data: unknown, shape: readonly number[]): IterableIterator<number> {
  const [extent, ...inner] = shape;
  if (extent === undefined) {
    if (typeof data !== "number" && typeof data !== "boolean")
      throw new TypeError(`tensor: expected numbers or booleans, found ${kindOf(data)}`);
    yield Number(data);
    return;
  }
  if (!Array.isArray(data))
    throw new TypeError(`tensor: expected an array of ${extent}, found ${kindOf(data)}`);
  if (data.length !== extent)
    throw new TypeError(`tensor: nested arrays differ in length: ${extent} and ${data.length}`);
  for (const item of data) yield* flat(item, inner);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
