/** A tensor's properties, memory and values. The classes beside it add operators; `Tensor` is the last. */
import { inspect } from "node:util";
import { call } from "../dispatch.js";
import { type DType, type MemoryFormat, type TypedArray, typedArrays } from "../dtype.js";
import { native } from "../native.js";
import { recorder } from "../recording.js";
import { register, scope } from "../scope.js";
import { printed } from "./printing.js";

export abstract class TensorBase extends native.Tensor {
  /** Throws when called directly: functions such as `tensor`, `zeros` and `randn` make tensors. */
  constructor() {
    super();
    register(this);
  }

  // Properties.

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
  /** Size of its elements in bytes. */
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
  /** For `console.log`: the values, as PyTorch prints them, with shape and dtype. */
  [inspect.custom](depth: number): string {
    return printed(this, depth);
  }

  // Memory.

  /** Frees it now; using it later throws. Scopes free their tensors automatically. */
  dispose(): void {
    native.dispose(this);
  }
  get isDisposed(): boolean {
    return native.isDisposed(this);
  }
  [Symbol.dispose](): void {
    native.dispose(this);
  }

  // Values.

  /** The one element, as a number: an int64 beyond 2⁵³ is rounded; `toArray` is exact. Throws if there are more elements. */
  item(): number {
    recorder?.read(this);
    return Number(native.item(this));
  }
  /** A copy of the elements in row-major order; bfloat16 and float16 become float32, bool becomes uint8. */
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
    recorder?.read(this);
    const bytes = new Uint8Array(native.byteLength(this));
    native.readBytes(this, bytes);
    return bytes;
  }
}
