/** The tensor: PyTorch's methods under PyTorch's names, in camel case. Every one records gradients. */
import { call } from "./dispatch.js";
import { type DType, type MemoryFormat, type TypedArray, typedArrays } from "./dtype.js";
import { native } from "./native.js";
import { type Generator, handleOf } from "./random.js";
import { register, scope } from "./scope.js";

/** What may stand beside a tensor in arithmetic. */
export type Operand = Tensor | number;

export class Tensor extends native.Tensor {
  /** Tensors come from functions such as `tensor`, `zeros` and `randn`; this throws when called by itself. */
  constructor() {
    super();
    register(this);
  }

  // What it is.

  get shape(): number[] {
    return native.shape(this);
  }
  get strides(): number[] {
    return native.strides(this);
  }
  get dtype(): DType {
    return native.dtype(this) as DType;
  }
  get device(): string {
    return native.device(this);
  }
  /** The extent of one dimension; negative `dim` counts from the end. */
  size(dim: number): number {
    return native.size(this, dim);
  }
  get dim(): number {
    return native.shape(this).length;
  }
  get numel(): number {
    return native.shape(this).reduce((product, extent) => product * extent, 1);
  }
  isContiguous(format: MemoryFormat = "contiguous"): boolean {
    return native.isContiguous(this, format);
  }
  /** Bytes of its elements. */
  get byteLength(): number {
    return native.byteLength(this);
  }
  override toString(): string {
    return native.isDisposed(this) ? "Tensor (disposed)" : `Tensor ${native.describe(this)}`;
  }

  // Its memory.

  /** Frees it now; using it later throws. Scopes do this by themselves. */
  dispose(): void {
    native.dispose(this);
  }
  get isDisposed(): boolean {
    return native.isDisposed(this);
  }
  [Symbol.dispose](): void {
    native.dispose(this);
  }

  // Its values.

  /** The one element, as a number: an int64 beyond 2⁵³ is rounded, and `toArray` has it whole. Throws when there are more. */
  item(): number {
    return Number(native.item(this));
  }
  /** A copy of the elements in row-major order; bfloat16 and float16 come as float32, bool as uint8. */
  toArray(): TypedArray {
    const dtype = this.dtype;
    if (dtype === "bfloat16" || dtype === "float16") return scope(() => this.to("float32").toArray());
    const TypedArray = typedArrays[dtype];
    if (!TypedArray) throw new TypeError(`toArray: no typed array holds the elements of ${this}`);
    return new TypedArray(this.toBytes().buffer as ArrayBuffer);
  }
  /** The elements as plain numbers. */
  toNumbers(): number[] {
    return Array.from(this.toArray(), Number);
  }
  /** The elements' bytes in row-major order, in the tensor's own dtype. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(native.byteLength(this));
    native.readBytes(this, bytes);
    return bytes;
  }

  // Gradients.

  get requiresGrad(): boolean {
    return native.requiresGrad(this);
  }
  set requiresGrad(value: boolean) {
    native.setRequiresGrad(this, value);
  }
  get isLeaf(): boolean {
    return native.isLeaf(this);
  }
  /** What `backward` has added up, or null. */
  get grad(): Tensor | null {
    return native.gradient(this) as Tensor | null;
  }
  set grad(value: Tensor | null) {
    native.setGradient(this, value);
  }
  /** Adds d this / d leaf to every leaf's `grad`. */
  backward(options: { gradient?: Tensor; retainGraph?: boolean; createGraph?: boolean } = {}): void {
    const { gradient, retainGraph = false, createGraph = false } = options;
    native.backward([this], gradient ? [gradient] : null, retainGraph, createGraph);
  }
  detach(): Tensor {
    return call("detach", this);
  }
  detach_(): this {
    return call("detach_", this);
  }

  // Dtype, device, layout.

  /** The same values in another dtype, on another device or in another memory format; itself where nothing changes. */
  to(
    target: DType | { dtype?: DType; device?: string; memoryFormat?: MemoryFormat; nonBlocking?: boolean },
  ): Tensor {
    const {
      dtype,
      device,
      memoryFormat,
      nonBlocking = false,
    } = typeof target === "string" ? { dtype: target } : (target ?? {});
    return call(
      "to.dtype_layout",
      this,
      dtype,
      undefined,
      device,
      undefined,
      nonBlocking,
      false,
      memoryFormat,
    );
  }
  /** A copy on the CPU in memory that a GPU reads by itself, so that `to` with `nonBlocking` waits for nothing. */
  pinMemory(): Tensor {
    return call("pin_memory", this);
  }
  contiguous(format: MemoryFormat = "contiguous"): Tensor {
    return call("contiguous", this, format);
  }
  clone(): Tensor {
    return call("clone", this);
  }
  copy_(source: Tensor, nonBlocking = false): this {
    return call("copy_", this, source, nonBlocking);
  }

  // Arithmetic.

  add(other: Operand, alpha = 1): Tensor {
    return call(isTensor(other) ? "add.Tensor" : "add.Scalar", this, other, alpha);
  }
  sub(other: Operand, alpha = 1): Tensor {
    return call(isTensor(other) ? "sub.Tensor" : "sub.Scalar", this, other, alpha);
  }
  mul(other: Operand): Tensor {
    return call(isTensor(other) ? "mul.Tensor" : "mul.Scalar", this, other);
  }
  div(other: Operand): Tensor {
    return call(isTensor(other) ? "div.Tensor" : "div.Scalar", this, other);
  }
  pow(exponent: Operand): Tensor {
    return call(isTensor(exponent) ? "pow.Tensor_Tensor" : "pow.Tensor_Scalar", this, exponent);
  }
  add_(other: Operand, alpha = 1): this {
    return call(isTensor(other) ? "add_.Tensor" : "add_.Scalar", this, other, alpha);
  }
  sub_(other: Operand, alpha = 1): this {
    return call(isTensor(other) ? "sub_.Tensor" : "sub_.Scalar", this, other, alpha);
  }
  mul_(other: Operand): this {
    return call(isTensor(other) ? "mul_.Tensor" : "mul_.Scalar", this, other);
  }
  div_(other: Operand): this {
    return call(isTensor(other) ? "div_.Tensor" : "div_.Scalar", this, other);
  }
  /** this ← this + weight · (end − this). */
  lerp_(end: Tensor, weight: number): this {
    return call("lerp_.Scalar", this, end, weight);
  }
  /** this ← this + value · a · b. */
  addcmul_(a: Tensor, b: Tensor, value = 1): this {
    return call("addcmul_", this, a, b, value);
  }
  /** this ← this + value · a / b. */
  addcdiv_(a: Tensor, b: Tensor, value = 1): this {
    return call("addcdiv_", this, a, b, value);
  }
  zero_(): this {
    return call("zero_", this);
  }
  fill_(value: number): this {
    return call("fill_.Scalar", this, value);
  }
  neg(): Tensor {
    return call("neg", this);
  }
  exp(): Tensor {
    return call("exp", this);
  }
  log(): Tensor {
    return call("log", this);
  }
  sqrt(): Tensor {
    return call("sqrt", this);
  }
  rsqrt(): Tensor {
    return call("rsqrt", this);
  }
  abs(): Tensor {
    return call("abs", this);
  }
  square(): Tensor {
    return call("square", this);
  }
  tanh(): Tensor {
    return call("tanh", this);
  }
  sigmoid(): Tensor {
    return call("sigmoid", this);
  }
  relu(): Tensor {
    return call("relu", this);
  }
  leakyRelu(slope = 0.01): Tensor {
    return call("leaky_relu", this, slope);
  }

  leakyRelu_(slope = 0.01): this {
    return call("leaky_relu_", this, slope);
  }
  softplus(): Tensor {
    return call("softplus", this);
  }
  clamp(min?: number, max?: number): Tensor {
    return call("clamp", this, min, max);
  }
  minimum(other: Tensor): Tensor {
    return call("minimum", this, other);
  }
  maximum(other: Tensor): Tensor {
    return call("maximum", this, other);
  }
  round(): Tensor {
    return call("round", this);
  }

  // Comparison. Results are bool.

  eq(other: Operand): Tensor {
    return call(isTensor(other) ? "eq.Tensor" : "eq.Scalar", this, other);
  }
  ne(other: Operand): Tensor {
    return call(isTensor(other) ? "ne.Tensor" : "ne.Scalar", this, other);
  }
  gt(other: Operand): Tensor {
    return call(isTensor(other) ? "gt.Tensor" : "gt.Scalar", this, other);
  }
  ge(other: Operand): Tensor {
    return call(isTensor(other) ? "ge.Tensor" : "ge.Scalar", this, other);
  }
  lt(other: Operand): Tensor {
    return call(isTensor(other) ? "lt.Tensor" : "lt.Scalar", this, other);
  }
  le(other: Operand): Tensor {
    return call(isTensor(other) ? "le.Tensor" : "le.Scalar", this, other);
  }
  logicalNot(): Tensor {
    return call("logical_not", this);
  }
  logicalAnd(other: Tensor): Tensor {
    return call("logical_and", this, other);
  }
  logicalOr(other: Tensor): Tensor {
    return call("logical_or", this, other);
  }
  /** True when shapes are equal and every element is. */
  equal(other: Tensor): boolean {
    return call("equal", this, other);
  }
  maskedFill(mask: Tensor, value: number): Tensor {
    return call("masked_fill.Scalar", this, mask, value);
  }

  // Reductions: over `dim`, or over everything.

  sum(dim?: number | readonly number[], keepDim = false): Tensor {
    return dim === undefined ? call("sum", this) : call("sum.dim_IntList", this, dims(dim), keepDim);
  }
  mean(dim?: number | readonly number[], keepDim = false): Tensor {
    return dim === undefined ? call("mean", this) : call("mean.dim", this, dims(dim), keepDim);
  }
  /** Population variance when `correction` is 0, sample variance when it is 1. */
  var(dim: number | readonly number[], { correction = 1, keepDim = false } = {}): Tensor {
    return call("var.correction", this, dims(dim), correction, keepDim);
  }
  std(dim: number | readonly number[], { correction = 1, keepDim = false } = {}): Tensor {
    return this.var(dim, { correction, keepDim }).sqrt();
  }
  logsumexp(dim: number | readonly number[], keepDim = false): Tensor {
    return call("logsumexp", this, dims(dim), keepDim);
  }
  amax(dim: number | readonly number[], keepDim = false): Tensor {
    return call("amax", this, dims(dim), keepDim);
  }
  amin(dim: number | readonly number[], keepDim = false): Tensor {
    return call("amin", this, dims(dim), keepDim);
  }
  argmax(dim: number, keepDim = false): Tensor {
    return call("argmax", this, dim, keepDim);
  }
  /** ‖x‖₂ over `dim`, or over everything. */
  norm(dim?: number | readonly number[], keepDim = false): Tensor {
    return call("linalg_vector_norm", this, 2, dim === undefined ? undefined : dims(dim), keepDim);
  }
  all(): Tensor {
    return call("all", this);
  }
  any(): Tensor {
    return call("any", this);
  }
  isfinite(): Tensor {
    return call("isfinite", this);
  }
  softmax(dim: number): Tensor {
    return call("softmax.int", this, dim);
  }
  logSoftmax(dim: number): Tensor {
    return call("log_softmax.int", this, dim);
  }

  // Shape.

  view(...shape: number[]): Tensor {
    return call("view", this, shape);
  }
  reshape(...shape: number[]): Tensor {
    return call("reshape", this, shape);
  }
  permute(...order: number[]): Tensor {
    return call("permute", this, order);
  }
  transpose(a: number, b: number): Tensor {
    return call("transpose.int", this, a, b);
  }
  /** The matrix transposed. */
  t(): Tensor {
    return call("t", this);
  }
  flatten(startDim = 0, endDim = -1): Tensor {
    return call("flatten.using_ints", this, startDim, endDim);
  }
  squeeze(dim: number): Tensor {
    return call("squeeze.dim", this, dim);
  }
  unsqueeze(dim: number): Tensor {
    return call("unsqueeze", this, dim);
  }
  /** A view with extents of 1 spread to `shape`; −1 keeps an extent. */
  expand(...shape: number[]): Tensor {
    return call("expand", this, shape);
  }
  repeat(...times: number[]): Tensor {
    return call("repeat", this, times);
  }
  flip(...order: number[]): Tensor {
    return call("flip", this, order);
  }

  // Parts.

  /** Elements `start` to `start + length` − 1 along `dim`, as a view. */
  narrow(dim: number, start: number, length: number): Tensor {
    return call("narrow", this, dim, start, length);
  }
  /** Element `index` along `dim`, which goes. */
  select(dim: number, index: number): Tensor {
    return call("select.int", this, dim, index);
  }
  indexSelect(dim: number, index: Tensor): Tensor {
    return call("index_select", this, dim, index);
  }
  gather(dim: number, index: Tensor): Tensor {
    return call("gather", this, dim, index);
  }
  /** Equal parts along `dim`, as views. */
  chunk(chunks: number, dim = 0): Tensor[] {
    return call("chunk", this, chunks, dim);
  }
  split(sizes: number[], dim = 0): Tensor[] {
    return call("split_with_sizes", this, sizes, dim);
  }

  // Products of matrices.

  matmul(other: Tensor): Tensor {
    return call("matmul", this, other);
  }
  bmm(other: Tensor): Tensor {
    return call("bmm", this, other);
  }

  // Random values in place.

  normal_(mean = 0, std = 1, generator?: Generator): this {
    return call("normal_", this, mean, std, handleOf(generator));
  }
  uniform_(from = 0, to = 1, generator?: Generator): this {
    return call("uniform_", this, from, to, handleOf(generator));
  }
  bernoulli_(p: number, generator?: Generator): this {
    return call("bernoulli_.float", this, p, handleOf(generator));
  }
}

native.setTensorClass(Tensor);

export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

function dims(dim: number | readonly number[]): readonly number[] {
  return typeof dim === "number" ? [dim] : dim;
}
