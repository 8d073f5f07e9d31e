/** Shapes and parts of tensors, conversions, and tensors that are filled with numbers. */
import type { OperationReader, Rule } from "../lowering.js";
import type { Size } from "../sizes.js";

/** The same elements in the result's shape. */
const reshape: Rule = (op, to) => {
  const input = op.tensor(0);
  return to.reshape(to.name(input), input.sizes, op.sizes(op.result()));
};

const same: Rule = (op) => op.name(0);

const convert: Rule = (op) => op.name(0, op.result().dtype);

function permuted(op: OperationReader, name: string, order: readonly number[]): string {
  return order.every((dim, i) => dim === i) ? name : op.to.node("Transpose", [name], { perm: order });
}

const transpose: Rule = (op) => {
  const input = op.tensor(0);
  const order = input.sizes.map((_, i) => i);
  const [a, b] =
    op.operator === "t" ? [0, Math.max(order.length - 1, 0)] : [op.dim(1, input), op.dim(2, input)];
  [order[a!], order[b!]] = [b!, a!];
  return permuted(op, op.name(0), order);
};

const expand: Rule = (op, to) => to.node("Expand", [op.name(0), to.shape(op.sizes(op.result()))]);

const repeat: Rule = (op, to) => {
  const { sizes } = op.tensor(0);
  const list = op.at(1);
  const times = Array.isArray(list) ? (list as Size[]) : op.numbers(1);
  const added = times.length - sizes.length;
  const name =
    added > 0
      ? to.node("Unsqueeze", [op.name(0), to.graph.integers(Array.from({ length: added }, (_, i) => i))])
      : op.name(0);
  return to.node("Tile", [name, to.shape(times)]);
};

const flip: Rule = (op, to) => {
  const { sizes } = op.tensor(0);
  const dims = op.numbers(1).map((dim) => (dim < 0 ? dim + sizes.length : dim));
  const list = (value: number) => to.graph.integers(dims.map(() => value));
  return to.node("Slice", [
    op.name(0),
    list(-1),
    list(Number.MIN_SAFE_INTEGER),
    to.graph.integers(dims),
    list(-1),
  ]);
};

/** Elements `start` to `stop` − 1 along a dimension. */
function part(op: OperationReader, name: string, dim: number, start: Size, stop: Size, step = 1): string {
  const { to } = op;
  return to.node("Slice", [
    name,
    to.size(start),
    to.size(stop),
    to.graph.integers([dim]),
    to.graph.integers([step]),
  ]);
}

function plus(op: OperationReader, a: Size, b: Size): Size {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (typeof a === "number" && typeof b !== "number") return { ...b, offset: b.offset + a };
  if (typeof a !== "number" && typeof b === "number") return { ...a, offset: a.offset + b };
  return op.refuse("a part whose start and length both vary");
}

const narrow: Rule = (op) => {
  const dim = op.dim(1, op.tensor(0));
  return part(op, op.name(0), dim, op.size(2), plus(op, op.size(2), op.size(3)));
};

const slice: Rule = (op) => {
  const input = op.tensor(0);
  const start = op.at(2) === undefined ? 0 : op.size(2);
  const stop = op.at(3) === undefined ? Number.MAX_SAFE_INTEGER : op.size(3);
  return part(op, op.name(0), op.dim(1, input, 0), start, stop, op.number(4, 1));
};

const select: Rule = (op, to) => {
  const index = op.size(2);
  const axis = op.dim(1, op.tensor(0));
  if (typeof index === "number")
    return to.node("Gather", [op.name(0), to.graph.integers([index], [])], { axis });
  return to.node("Gather", [op.name(0), to.node("Squeeze", [to.size(index)])], { axis });
};

/** Parts along a dimension, of the results' sizes. */
const split =
  (dimAt: number): Rule =>
  (op, to) => {
    const { results } = op.operation;
    const axis = op.dim(dimAt, op.tensor(0), 0);
    const sizes = results.map((_, i) => op.sizes(op.result(i))[axis]!);
    if (results.length === 1) return [op.name(0)];
    return to.graph.nodeOf("Split", [op.name(0), to.shape(sizes)], results.length, { axis });
  };

const unbind: Rule = (op, to) => {
  const axis = op.dim(1, op.tensor(0), 0);
  return op.operation.results.map((_, i) =>
    to.node("Gather", [op.name(0), to.graph.integers([i], [])], { axis }),
  );
};

const roll: Rule = (op, to) => {
  const input = op.tensor(0);
  const dims = op.numbers(2);
  return op.numbers(1).reduce((name, shift, i) => {
    const dim = dims[i]! < 0 ? dims[i]! + input.sizes.length : dims[i]!;
    const size = op.fixed(input, dim);
    const first = size - (((shift % size) + size) % size);
    if (first === size) return name;
    return to.node("Concat", [part(op, name, dim, first, size), part(op, name, dim, 0, first)], {
      axis: dim,
    });
  }, op.name(0));
};

/** `x[…, index, …]` with one tensor of integers. */
const index: Rule = (op, to) => {
  const list = op.at(1);
  const picks = Array.isArray(list) ? list : [];
  const places = picks.flatMap((pick, i) => (pick === undefined ? [] : [i]));
  const [axis] = places;
  const pick = picks[axis ?? 0];
  if (places.length !== 1 || typeof pick !== "object" || !("dtype" in pick) || !/^int/.test(pick.dtype))
    return op.refuse("an index other than one tensor of integers");
  return to.node("Gather", [op.name(0), op.nameOf(pick, "int64")], { axis: axis! });
};

const triangle =
  (upper: number): Rule =>
  (op, to) =>
    to.node("Trilu", [op.name(0), to.scalar(op.number(1, 0), "int64")], { upper });

const filled =
  (value: number | "argument"): Rule =>
  (op, to) => {
    const { dtype } = op.result();
    const number = value === "argument" ? op.operand(1, dtype) : to.scalar(value, dtype);
    return to.node("Expand", [number, to.shape(op.sizes(op.result()))]);
  };

const range: Rule = (op, to) => {
  const { dtype } = op.result();
  const inner = dtype === "float32" ? dtype : "int64";
  return to.cast(
    to.node("Range", [op.operand(0, inner), op.operand(1, inner), op.operand(2, inner)]),
    inner,
    dtype,
  );
};

const stack: Rule = (op, to) => {
  const { dtype, sizes } = op.result();
  const dim = op.number(1, 0);
  const axis = dim < 0 ? dim + sizes.length : dim;
  const parts = op
    .tensors(0)
    .map((value) => to.node("Unsqueeze", [op.nameOf(value, dtype), to.graph.integers([axis])]));
  return to.node("Concat", parts, { axis });
};

const concatenate: Rule = (op, to) => {
  const { dtype, sizes } = op.result();
  const dim = op.number(1, 0);
  return to.node(
    "Concat",
    op.tensors(0).map((value) => op.nameOf(value, dtype)),
    { axis: dim < 0 ? dim + sizes.length : dim },
  );
};

export const shapes: Record<string, Rule> = {
  view: reshape,
  reshape,
  "flatten.using_ints": reshape,
  squeeze: reshape,
  "squeeze.dim": reshape,
  unsqueeze: (op, to) => {
    const dim = op.number(1);
    const axis = dim < 0 ? dim + op.result().sizes.length : dim;
    return to.node("Unsqueeze", [op.name(0), to.graph.integers([axis])]);
  },
  permute: (op) => {
    const { length } = op.tensor(0).sizes;
    return permuted(
      op,
      op.name(0),
      op.numbers(1).map((dim) => (dim < 0 ? dim + length : dim)),
    );
  },
  "transpose.int": transpose,
  t: transpose,
  expand,
  repeat,
  flip,
  roll,
  triu: triangle(1),
  tril: triangle(0),
  narrow,
  "slice.Tensor": slice,
  "select.int": select,
  chunk: split(2),
  split_with_sizes: split(2),
  "unbind.int": unbind,
  index_select: (op, to) =>
    to.node("Gather", [op.name(0), op.name(2, "int64")], { axis: op.dim(1, op.tensor(0)) }),
  gather: (op, to) => to.node("GatherElements", [op.name(0), op.name(2)], { axis: op.dim(1, op.tensor(0)) }),
  "index.Tensor": index,
  cat: concatenate,
  stack,
  alias: same,
  clone: same,
  contiguous: same,
  detach: same,
  pin_memory: same,
  "to.dtype_layout": convert,
  "to.dtype": convert,
  "to.device": convert,
  zeros: filled(0),
  ones: filled(1),
  full: filled("argument"),
  "empty.memory_format": filled(0),
  zeros_like: filled(0),
  ones_like: filled(1),
  "arange.start_step": range,
};
