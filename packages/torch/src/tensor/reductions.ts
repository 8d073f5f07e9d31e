/** Reductions over `dim` or over everything, and operators along one dimension: sorting, cumulative sums, softmax. */
import { call } from "../dispatch.js";
import { ElementwiseTensor } from "./elementwise.js";

type Dims = number | readonly number[];

export abstract class ReducingTensor extends ElementwiseTensor {
  sum(dim?: Dims, keepDim = false): this {
    return dim === undefined ? call("sum", this) : call("sum.dim_IntList", this, dims(dim), keepDim);
  }
  mean(dim?: Dims, keepDim = false): this {
    return dim === undefined ? call("mean", this) : call("mean.dim", this, dims(dim), keepDim);
  }
  prod(dim?: number, keepDim = false): this {
    return dim === undefined ? call("prod", this) : call("prod.dim_int", this, dim, keepDim);
  }
  /** Population variance when `correction` is 0, sample variance when it is 1. */
  var(dim: Dims, { correction = 1, keepDim = false } = {}): this {
    return call("var.correction", this, dims(dim), correction, keepDim);
  }
  std(dim: Dims, { correction = 1, keepDim = false } = {}): this {
    return this.var(dim, { correction, keepDim }).sqrt();
  }
  logsumexp(dim: Dims, keepDim = false): this {
    return call("logsumexp", this, dims(dim), keepDim);
  }
  /** Largest values. Equal ones share the gradient. */
  amax(dim: Dims, keepDim = false): this {
    return call("amax", this, dims(dim), keepDim);
  }
  amin(dim: Dims, keepDim = false): this {
    return call("amin", this, dims(dim), keepDim);
  }
  /** The largest of all; along `dim`, the largest values and their indices (int64). */
  max(): this;
  max(dim: number, keepDim?: boolean): [values: this, indices: this];
  max(dim?: number, keepDim = false): this | [values: this, indices: this] {
    return dim === undefined ? call("max", this) : call("max.dim", this, dim, keepDim);
  }
  /** The smallest of all; along `dim`, the smallest values and their indices (int64). */
  min(): this;
  min(dim: number, keepDim?: boolean): [values: this, indices: this];
  min(dim?: number, keepDim = false): this | [values: this, indices: this] {
    return dim === undefined ? call("min", this) : call("min.dim", this, dim, keepDim);
  }
  /** Index of the largest value along `dim`, or in row-major order of all: int64. */
  argmax(dim?: number, keepDim = false): this {
    return call("argmax", this, dim, keepDim);
  }
  argmin(dim?: number, keepDim = false): this {
    return call("argmin", this, dim, keepDim);
  }
  /** ‖x‖₂ over `dim`, or over everything. */
  norm(dim?: Dims, keepDim = false): this {
    return call("linalg_vector_norm", this, 2, dim === undefined ? undefined : dims(dim), keepDim);
  }
  all(): this {
    return call("all", this);
  }
  any(): this {
    return call("any", this);
  }

  // Along one dimension.

  softmax(dim: number): this {
    return call("softmax.int", this, dim);
  }
  logSoftmax(dim: number): this {
    return call("log_softmax.int", this, dim);
  }
  /** Cumulative sums, including each element. */
  cumsum(dim: number): this {
    return call("cumsum", this, dim);
  }
  cumprod(dim: number): this {
    return call("cumprod", this, dim);
  }
  /** Sorted values along `dim`, and their indices (int64). `stable` keeps the order of equal values. */
  sort(dim = -1, { descending = false, stable = false } = {}): [values: this, indices: this] {
    return call("sort.stable", this, stable, dim, descending);
  }
  argsort(dim = -1, { descending = false, stable = false } = {}): this {
    return this.sort(dim, { descending, stable })[1];
  }
  /** The `k` largest values along `dim`, or the smallest, sorted unless `sorted` is false, and their indices. */
  topk(k: number, dim = -1, { largest = true, sorted = true } = {}): [values: this, indices: this] {
    return call("topk", this, k, dim, largest, sorted);
  }
}

function dims(dim: Dims): readonly number[] {
  return typeof dim === "number" ? [dim] : dim;
}
