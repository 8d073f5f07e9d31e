/** Indexing as in PyTorch's `x[…]`, which JavaScript has no operator for: `x.index(0, slice(1, 3), "...", null)`. */
import { call } from "../dispatch.js";
import { native } from "../native.js";
import { scope } from "../scope.js";
import { ShapedTensor } from "./shapes.js";

/** A range of one dimension: Python's `start:stop:step`. */
export class Slice {
  constructor(
    readonly start: number | undefined,
    readonly stop: number | undefined,
    readonly step: number,
  ) {}
}

/**
 * Python's `start:stop:step`, for `index` and `indexPut_`: `slice()` is everything, `slice(1)` all but the first,
 * `slice(0, -1)` all but the last, `slice(undefined, undefined, 2)` every second. A step is 1 or more.
 */
export function slice(start?: number, stop?: number, step = 1): Slice {
  return new Slice(start, stop, step);
}

/**
 * One part of an index: a number (removes the dimension), a `slice`, null (a new dimension of extent 1), `"..."` (all
 * remaining dimensions), integers as a tensor or an array, or a bool tensor, which indexes as many dimensions as it
 * has.
 */
export type Index<Tensor> = number | Slice | null | "..." | readonly number[] | Tensor;

export abstract class IndexedTensor extends ShapedTensor {
  /**
   * x[…]: a view if there are only numbers, slices, null and "...", a copy if there are tensors or arrays, which are
   * broadcast to one shape and used together.
   */
  index(...at: Index<this>[]): this {
    return scope(() => {
      const { view, picks } = applied(this, at);
      return picks.length === 0 ? view : call<this>("index.Tensor", view, picks);
    });
  }

  /** x[…] ← value, broadcast to the shape of x[…]. `accumulate` adds; a repeated index adds repeatedly. */
  indexPut_(at: readonly Index<this>[], value: this | number, accumulate = false): this {
    if (!Array.isArray(at)) throw new TypeError("indexPut_: expected an array of indices");
    scope(() => {
      const { view, picks } = applied(this, at);
      let values =
        typeof value === "number"
          ? call<this>("scalar_tensor", value, this.dtype, undefined, this.device)
          : value;
      // As in PyTorch, leading dimensions of extent 1 are ignored.
      if (picks.length === 0)
        while (native.shape(values).length > view.dim && values.size(0) === 1) values = values.squeeze(0);
      if (picks.length > 0) call("index_put_", view, picks, values, accumulate);
      else if (accumulate) view.add_(values);
      else call("copy_", view, values);
    });
    return this;
  }
}

/** A sparse array may have a length of 2³² − 1. */
const MOST_INDICES = 256;
const LONGEST_LIST = 2 ** 20;

/** The view of `tensor` by numbers, slices and null, and the index tensors for its dimensions. */
function applied<T extends IndexedTensor>(
  tensor: T,
  at: readonly Index<T>[],
): { view: T; picks: (T | null)[] } {
  if (at.length > MOST_INDICES)
    throw new TypeError(`index: found ${at.length} indices, expected at most ${MOST_INDICES}`);
  const left = tensor.dim - at.reduce<number>((sum, index) => sum + taken(index), 0);
  if (left < 0) throw new Error(`index: ${tensor.dim - left} indices for ${tensor}`);
  if (at.filter((index) => index === "...").length > 1)
    throw new TypeError('index: "..." may occur only once');
  let view = call<T>("alias", tensor);
  const picks: (T | null)[] = [];
  let dim = 0;
  const pass = (dims: number) => {
    for (let i = 0; i < dims; i++) picks.push(null);
    dim += dims;
  };
  for (const index of at) {
    if (index === "...") pass(left);
    else if (index === null) {
      view = call("unsqueeze", view, dim);
      pass(1);
    } else if (index instanceof Slice) {
      const { start, stop, step } = index;
      view = call("slice.Tensor", view, dim, start, stop, step);
      pass(1);
    } else {
      const place = typeof index === "number" ? index : positionOf(index, tensor);
      if (typeof place === "number") view = call("select.int", view, dim, place);
      else {
        picks.push(place);
        dim += taken(place);
      }
    }
  }
  return { view, picks: picks.slice(0, picks.findLastIndex((pick) => pick !== null) + 1) };
}

/** The number of the tensor's dimensions that an index covers. */
function taken(index: unknown): number {
  if (index === "..." || index === null) return 0;
  return index instanceof native.Tensor && isMask(index) ? native.shape(index).length : 1;
}

function isMask(tensor: object): boolean {
  const dtype = native.dtype(tensor);
  return dtype === "bool" || dtype === "uint8";
}

/** The number in a tensor without dimensions, or an index tensor for libtorch. */
function positionOf<T extends IndexedTensor>(index: unknown, tensor: T): number | T {
  if (Array.isArray(index)) {
    if (index.length > LONGEST_LIST)
      throw new TypeError(`index: an array of ${index.length} is too long; use an int64 tensor`);
    const list = BigInt64Array.from(index, wholeNumber);
    const made = native.fromBytes(new Uint8Array(list.buffer), [list.length], "int64") as T;
    return call("to.device", made, tensor.device, "int64");
  }
  if (!(index instanceof native.Tensor))
    throw new TypeError(
      `index: found ${typeof index} ${String(index)}, expected a number, slice(…), null, "...", or a tensor or array of integers`,
    );
  const given = index as T;
  if (isMask(given)) {
    if (given.dim > 0) return given;
    throw new TypeError(`index: ${given} has no dimensions; use where or an if`);
  }
  if (!/^int/.test(given.dtype))
    throw new TypeError(`index: ${given} is not an index; expected int64 or bool`);
  return given.dim === 0 ? given.item() : call("to.dtype", given, "int64");
}

function wholeNumber(value: unknown): bigint {
  if (!Number.isSafeInteger(value))
    throw new TypeError(`index: found ${String(value)} in an array, expected integers`);
  return BigInt(value as number);
}
