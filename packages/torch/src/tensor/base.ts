/** What a tensor is, its memory and its values. The classes beside it add operators by subject; `Tensor` is the last. */
import { inspect } from "node:util";
import { call } from "../dispatch.js";
import { type DType, type MemoryFormat, type TypedArray, typedArrays } from "../dtype.js";
import { native } from "../native.js";
import { register, scope } from "../scope.js";
import { printed } from "./printing.js";

export abstract class TensorBase extends native.Tensor {
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
  get requiresGrad(): boolean {
    return native.requiresGrad(this);
  }
  set requiresGrad(value: boolean) {
    native.setRequiresGrad(this, value);
  }
  get isLeaf(): boolean {
    return native.isLeaf(this);
  }

  /** Dtype and shape, for messages. */
  override toString(): string {
    return native.isDisposed(this) ? "Tensor (disposed)" : `Tensor ${native.describe(this)}`;
  }
  /** What `console.log` shows: the values, as PyTorch prints them, with shape and dtype. */
  [inspect.custom](depth: number): string {
    return printed(this, depth);
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
    if (dtype === "bfloat16" || dtype === "float16")
      return scope(() => call<this>("to.dtype", this, "float32").toArray());
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
}
