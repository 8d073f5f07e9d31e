/**
 * The tensor: PyTorch's methods with PyTorch's names, in camel case. All of them record gradients. The methods are in
 * classes in `tensor/`, each extending the previous one: base, elementwise, reductions, shapes, indexing. `this` in
 * their signatures is `Tensor`.
 */
import { call } from "./dispatch.js";
import type { DType, MemoryFormat } from "./dtype.js";
import { native } from "./native.js";
import { type GeneratorHandle, handleOf } from "./tensor/generator-handle.js";
import { IndexedTensor, type Index as IndexOf } from "./tensor/indexing.js";

export { Slice, slice } from "./tensor/indexing.js";

/** The second operand of arithmetic with a tensor. */
export type Operand = Tensor | number;

/** One index of `index` and `indexPut_`. */
export type Index = IndexOf<Tensor>;

export interface BackwardOptions {
  /** Factor of the gradient; 1 for a tensor of one element. */
  gradient?: Tensor | null;
  /** Keep the graph for a second `backward`. */
  retainGraph?: boolean;
  /** Record the gradients' own graph, for gradients of gradients. */
  createGraph?: boolean;
}

export class Tensor extends IndexedTensor {
  // Gradients.

  /** The gradient that `backward` has accumulated, or null. It lives as long as its tensor, in every scope. */
  get grad(): Tensor | null {
    return native.gradient(this) as Tensor | null;
  }
  set grad(value: Tensor | null) {
    native.setGradient(this, value);
  }
  /** Adds d this / d leaf, times `gradient`, to every leaf's `grad`: `loss.backward()`, `y.backward(dy, { retainGraph: true })`. */
  backward(gradient?: Tensor | null, options?: Omit<BackwardOptions, "gradient">): void;
  backward(options: BackwardOptions): void;
  backward(first?: Tensor | null | BackwardOptions, more: Omit<BackwardOptions, "gradient"> = {}): void {
    const options: BackwardOptions =
      isTensor(first) || first === null || first === undefined ? { ...more, gradient: first ?? null } : first;
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

  /** The same values in another dtype, device or memory format; the tensor itself if nothing changes. */
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
  /** A copy in pinned CPU memory, which a GPU reads directly, so that `to` with `nonBlocking` does not wait. */
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

  // Products of matrices.

  matmul(other: Tensor): Tensor {
    return call("matmul", this, other);
  }
  bmm(other: Tensor): Tensor {
    return call("bmm", this, other);
  }

  // Random values in place.

  normal_(mean = 0, std = 1, generator?: GeneratorHandle): this {
    return call("normal_", this, mean, std, handleOf(generator));
  }
  uniform_(from = 0, to = 1, generator?: GeneratorHandle): this {
    return call("uniform_", this, from, to, handleOf(generator));
  }
  bernoulli_(p: number, generator?: GeneratorHandle): this {
    return call("bernoulli_.float", this, p, handleOf(generator));
  }
}

native.setTensorClass(Tensor);

export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}
