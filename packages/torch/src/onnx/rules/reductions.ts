/** Reductions, and operators along one dimension. */
import { isFloating } from "../../dtype.js";
import type { OperationReader, Rule } from "../lowering.js";

/** Dimensions from 0 on; no list means all of them. */
function dimsOf(op: OperationReader, index: number): number[] {
  const rank = op.tensor(0).sizes.length;
  const dims = op.at(index) === undefined ? [] : op.numbers(index);
  return dims.length === 0
    ? Array.from({ length: rank }, (_, i) => i)
    : dims.map((dim) => (dim < 0 ? dim + rank : dim));
}

function reduced(
  op: OperationReader,
  type: string,
  name: string,
  dims: readonly number[],
  keep: boolean,
): string {
  if (dims.length === 0) return name;
  const keepdims = keep ? 1 : 0;
  // Since version 13 only this one takes the dimensions as an input.
  if (type === "ReduceSum") return op.to.node(type, [name, op.to.graph.integers(dims)], { keepdims });
  return op.to.node(type, [name], { axes: dims, keepdims });
}

/** Over everything, or over the dimensions in an argument. */
const reduction =
  (type: string, dimsAt?: number): Rule =>
  (op) => {
    const dims = dimsAt === undefined ? dimsOf(op, Number.POSITIVE_INFINITY) : dimsOf(op, dimsAt);
    const keep = dimsAt !== undefined && op.flag(dimsAt + 1);
    return reduced(op, type, op.name(0, op.result().dtype), dims, keep);
  };

const variance: Rule = (op, to) => {
  const x = op.name(0);
  const dims = dimsOf(op, 1);
  const correction = op.number(2, 1);
  const difference = to.node("Sub", [x, reduced(op, "ReduceMean", x, dims, true)]);
  const squares = to.node("Mul", [difference, difference]);
  if (correction === 0) return reduced(op, "ReduceMean", squares, dims, op.flag(3));
  const sizes = op.sizes(op.tensor(0));
  const count = dims
    .map((dim) => to.size(sizes[dim]!))
    .reduce((product, size) => to.node("Mul", [product, size]));
  const divisor = to.cast(
    to.node("Sub", [to.node("Squeeze", [count]), to.scalar(correction, "int64")]),
    "int64",
    op.result().dtype,
  );
  return to.node("Div", [reduced(op, "ReduceSum", squares, dims, op.flag(3)), divisor]);
};

/** Indices of the largest or smallest: along a dimension, or in row-major order of all. */
const indexOfExtreme =
  (type: string): Rule =>
  (op, to) => {
    if (op.at(1) !== undefined)
      return to.node(type, [op.name(0)], { axis: op.dim(1, op.tensor(0)), keepdims: op.flag(2) ? 1 : 0 });
    return to.node(type, [to.node("Reshape", [op.name(0), to.graph.integers([-1])])], {
      axis: 0,
      keepdims: 0,
    });
  };

const valuesAndIndices =
  (reduce: string, index: string): Rule =>
  (op, to) => {
    const dim = op.dim(1, op.tensor(0));
    const keepdims = op.flag(2) ? 1 : 0;
    return [
      to.node(reduce, [op.name(0)], { axes: [dim], keepdims }),
      to.node(index, [op.name(0)], { axis: dim, keepdims }),
    ];
  };

const along =
  (type: string): Rule =>
  (op, to) =>
    to.node(type, [op.name(0, op.result().dtype)], { axis: op.dim(1, op.tensor(0)) });

const norm: Rule = (op) => {
  const order = op.number(1);
  const type = order === 2 ? "ReduceL2" : order === 1 ? "ReduceL1" : undefined;
  if (type === undefined) return op.refuse(`a norm of order ${order}; 1 and 2 can be exported`);
  return reduced(op, type, op.name(0), dimsOf(op, 2), op.flag(3));
};

const topk: Rule = (op, to) =>
  to.graph.nodeOf("TopK", [op.name(0), to.size(op.size(1))], 2, {
    axis: op.dim(2, op.tensor(0), -1),
    largest: op.flag(3, true) ? 1 : 0,
    sorted: op.flag(4, true) ? 1 : 0,
  });

/** ONNX has no sorting, but its top k are sorted, and equal values keep their order. */
const sort: Rule = (op, to) => {
  const input = op.tensor(0);
  const dim = op.dim(2, input, -1);
  return to.graph.nodeOf("TopK", [op.name(0), to.size(op.sizes(input)[dim]!)], 2, {
    axis: dim,
    largest: op.flag(3) ? 1 : 0,
  });
};

export const reductions: Record<string, Rule> = {
  sum: reduction("ReduceSum"),
  "sum.dim_IntList": reduction("ReduceSum", 1),
  mean: reduction("ReduceMean"),
  "mean.dim": reduction("ReduceMean", 1),
  prod: reduction("ReduceProd"),
  "prod.dim_int": (op) =>
    reduced(op, "ReduceProd", op.name(0, op.result().dtype), [op.dim(1, op.tensor(0))], op.flag(2)),
  "var.correction": variance,
  logsumexp: reduction("ReduceLogSumExp", 1),
  amax: reduction("ReduceMax", 1),
  amin: reduction("ReduceMin", 1),
  max: reduction("ReduceMax"),
  min: reduction("ReduceMin"),
  "max.dim": valuesAndIndices("ReduceMax", "ArgMax"),
  "min.dim": valuesAndIndices("ReduceMin", "ArgMin"),
  argmax: indexOfExtreme("ArgMax"),
  argmin: indexOfExtreme("ArgMin"),
  linalg_vector_norm: norm,
  "softmax.int": along("Softmax"),
  "log_softmax.int": along("LogSoftmax"),
  cumsum: (op, to) => {
    const { dtype } = op.result();
    if (!isFloating(dtype) && dtype !== "int64" && dtype !== "int32") return op.refuse(`sums of ${dtype}`);
    return to.node("CumSum", [op.name(0, dtype), to.scalar(op.dim(1, op.tensor(0)), "int64")]);
  },
  topk,
  "sort.stable": sort,
};
