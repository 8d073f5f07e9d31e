/** The same elements in another shape, and parts of them. Results are views where possible. */
import { call } from "../dispatch.js";
import { ReducingTensor } from "./reductions.js";

export abstract class ShapedTensor extends ReducingTensor {
  view(...shape: number[]): this {
    return call("view", this, shape);
  }
  reshape(...shape: number[]): this {
    return call("reshape", this, shape);
  }
  permute(...order: number[]): this {
    return call("permute", this, order);
  }
  transpose(a: number, b: number): this {
    return call("transpose.int", this, a, b);
  }
  /** The matrix transposed. */
  t(): this {
    return call("t", this);
  }
  flatten(startDim = 0, endDim = -1): this {
    return call("flatten.using_ints", this, startDim, endDim);
  }
  /** Without dimension `dim` if its extent is 1; without all dimensions of extent 1 if `dim` is not given. */
  squeeze(dim?: number): this {
    return dim === undefined ? call("squeeze", this) : call("squeeze.dim", this, dim);
  }
  unsqueeze(dim: number): this {
    return call("unsqueeze", this, dim);
  }
  /** A view with extents of 1 broadcast to `shape`; −1 keeps an extent. */
  expand(...shape: number[]): this {
    return call("expand", this, shape);
  }
  repeat(...times: number[]): this {
    return call("repeat", this, times);
  }
  flip(...order: number[]): this {
    return call("flip", this, order);
  }
  /** Elements moved by `shift` along `dim`; those beyond the end continue at the start. */
  roll(shift: number, dim: number): this {
    return call("roll", this, [shift], [dim]);
  }
  /** A matrix with zeros below the diagonal; `diagonal` moves it up. */
  triu(diagonal = 0): this {
    return call("triu", this, diagonal);
  }
  /** A matrix with zeros above the diagonal; `diagonal` moves it up. */
  tril(diagonal = 0): this {
    return call("tril", this, diagonal);
  }

  // Parts.

  /** Elements `start` to `start + length` − 1 along `dim`, as a view. */
  narrow(dim: number, start: number, length: number): this {
    return call("narrow", this, dim, start, length);
  }
  /** Element `index` along `dim`; removes the dimension. */
  select(dim: number, index: number): this {
    return call("select.int", this, dim, index);
  }
  /** Equal parts along `dim`, as views. */
  chunk(chunks: number, dim = 0): this[] {
    return call("chunk", this, chunks, dim);
  }
  split(sizes: number[], dim = 0): this[] {
    return call("split_with_sizes", this, sizes, dim);
  }
  /** Every element along `dim`, as views without it. */
  unbind(dim = 0): this[] {
    return call("unbind.int", this, dim);
  }
  indexSelect(dim: number, index: this): this {
    return call("index_select", this, dim, index);
  }
  /** this[…, index[…, i, …], …] for every position of `index` (int64). */
  gather(dim: number, index: this): this {
    return call("gather", this, dim, index);
  }
  /** this[…, index[…, i, …], …] ← source[…, i, …], or ← the number `source`. */
  scatter_(dim: number, index: this, source: this | number): this {
    return call(typeof source === "number" ? "scatter_.value" : "scatter_.src", this, dim, index, source);
  }
  /** Like `scatter_`, but adds; repeated indices add repeatedly. */
  scatterAdd_(dim: number, index: this, source: this): this {
    return call("scatter_add_", this, dim, index, source);
  }
  /** Elements where `mask` (bool) is true, as one row. */
  maskedSelect(mask: this): this {
    return call("masked_select", this, mask);
  }
  /** Indices of all elements that are not zero: int64 [count, dim]. */
  nonzero(): this {
    return call("nonzero", this);
  }
}
