/** Products, convolutions, normalization and pooling. */
import { floatsOf } from "../graph.js";
import type { OperationReader, Rule } from "../lowering.js";
import type { Value } from "../program.js";
import { isVariable } from "../sizes.js";
import { foldIntoProducer } from "./fold.js";

/** input […, I], weight [O, I] */
const linear: Rule = (op, to) => {
  const [input, weight] = [op.tensor(0), op.tensor(1)];
  const bias = op.optional(2);
  if (input.sizes.length === 2) {
    const inputs = [op.name(0), op.name(1), ...(bias ? [to.name(bias)] : [])];
    return to.graph.nodeOf("Gemm", inputs, 1, { transB: 1 })[0]!;
  }
  if (weight.sizes.length !== 2) return op.refuse("a weight that is no matrix");
  const product = to.node("MatMul", [op.name(0), transposed(op, weight)]);
  return bias ? to.node("Add", [product, to.name(bias)]) : product;
};

/** A matrix transposed, as a constant if it is one. */
function transposed(op: OperationReader, weight: Value): string {
  const { to } = op;
  const name = to.name(weight);
  const stored = to.graph.initializers.get(name);
  if (stored?.dtype !== "float32") return to.node("Transpose", [name], { perm: [1, 0] });
  const [rows, columns] = stored.shape as [number, number];
  const values = floatsOf(stored);
  const turned = Float32Array.from(
    { length: values.length },
    (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!,
  );
  return to.floats(turned, [columns, rows], `${name}.transposed`);
}

const product: Rule = (op, to) => to.node("MatMul", [op.name(0), op.name(1)]);

/** ONNX's padding: starts, then ends. */
const pads = (padding: readonly number[], more: readonly number[] = [0, 0]) => [
  ...padding,
  ...padding.map((size, i) => size - more[i]!),
];

const convolution: Rule = (op, to) => {
  const bias = op.optional(2);
  const inputs = [op.name(0), op.name(1), ...(bias ? [to.name(bias)] : [])];
  const weight = op.tensor(1);
  const attributes = {
    kernel_shape: [op.fixed(weight, 2), op.fixed(weight, 3)],
    strides: op.numbers(3, 2),
    pads: pads(op.numbers(4, 2)),
    dilations: op.numbers(5, 2),
    group: op.number(6, 1),
  };
  return to.graph.nodeOf("Conv", inputs, 1, attributes)[0]!;
};

/** input, weight, stride, padding */
const plainTransposedConvolution: Rule = (op, to) => {
  const weight = op.tensor(1);
  const attributes = {
    kernel_shape: [op.fixed(weight, 2), op.fixed(weight, 3)],
    strides: op.numbers(2, 2),
    pads: pads(op.numbers(3, 2)),
  };
  return to.graph.nodeOf("ConvTranspose", [op.name(0), op.name(1)], 1, attributes)[0]!;
};

const transposedConvolution: Rule = (op, to) => {
  const bias = op.optional(2);
  const weight = op.tensor(1);
  const inputs = [op.name(0), op.name(1), ...(bias ? [to.name(bias)] : [])];
  const attributes = {
    kernel_shape: [op.fixed(weight, 2), op.fixed(weight, 3)],
    strides: op.numbers(3, 2),
    pads: pads(op.numbers(4, 2)),
    output_padding: op.numbers(5, 2),
    group: op.number(6, 1),
    dilations: op.numbers(7, 2),
  };
  return to.graph.nodeOf("ConvTranspose", inputs, 1, attributes)[0]!;
};

/** input, weight, bias, running mean, running variance, training, momentum, eps, scale, shift, activation, slope */
const batchNorm: Rule = (op, to) => {
  if (op.flag(5)) return op.refuse("it is in training mode; call eval() of the module first");
  const input = op.tensor(0);
  const [weight, bias, mean, variance] = [1, 2, 3, 4].map((i) => constantOf(op, op.optional(i)));
  if (!mean || !variance) return op.refuse("it has no running statistics");
  const eps = op.number(7);
  const modulation = [op.optional(8), op.optional(9)] as const;
  const deviation = variance.map((value) => Math.sqrt(value + eps));
  const { length: C } = mean;
  // With a modulation, only the normalization is constant: (weight + scale) · x̂ + (bias + shift).
  const own = modulation[0] ? undefined : { weight, bias };
  const factor = deviation.map((value, c) => (own?.weight?.[c] ?? 1) / value);
  const offset = deviation.map((_, c) => (own?.bias?.[c] ?? 0) - mean[c]! * factor[c]!);
  const ends = input.sizes.slice(2).map(() => 1);
  const channels = [C, ...ends];
  const name = to.name(input);
  let result = foldIntoProducer(op, input, factor, offset)
    ? name
    : to.node("Add", [to.node("Mul", [name, to.floats(factor, channels)]), to.floats(offset, channels)]);
  const [scale, shift] = modulation;
  if (scale && shift) {
    const plus = (value: Value, constant: number[] | undefined) =>
      constant ? to.node("Add", [to.name(value), to.floats(constant, channels)]) : to.name(value);
    result = to.node("Add", [to.node("Mul", [result, plus(scale, weight)]), plus(shift, bias)]);
  }
  const activation = op.at(10) ?? "none";
  if (activation === "leaky_relu")
    return to.node("LeakyRelu", [result], { alpha: { float: op.number(11, 0.01) } });
  return activation === "glu" ? gated(op, result, 1, C) : result;
};

function constantOf(op: OperationReader, value: Value | undefined): number[] | undefined {
  if (!value) return undefined;
  if (!value.constant) return op.refuse("its parameters are computed from the inputs");
  return value.constant.toNumbers();
}

/** The first half of a dimension of `size` times the sigmoid of the second. */
function gated({ to }: OperationReader, name: string, axis: number, size: number): string {
  const halves = to.graph.integers([size / 2, size / 2]);
  const [value, gate] = to.graph.nodeOf("Split", [name, halves], 2, { axis }) as [string, string];
  return to.node("Mul", [value, to.node("Sigmoid", [gate])]);
}

const glu: Rule = (op) => {
  const input = op.tensor(0);
  const axis = op.dim(1, input, -1);
  return gated(op, op.name(0), axis, op.fixed(input, axis));
};

const layerNorm: Rule = (op, to) => {
  const input = op.tensor(0);
  const shape = op.numbers(1);
  const axis = input.sizes.length - shape.length;
  const weight = op.optional(2);
  const bias = op.optional(3);
  const ones = () => to.floats(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape);
  const inputs = [op.name(0), weight ? to.name(weight) : ones(), ...(bias ? [to.name(bias)] : [])];
  return to.node("LayerNormalization", inputs, { axis, epsilon: { float: op.number(4, 1e-5) } });
};

/** Groups are normalized as channels of a shape [B, groups, any]. */
const groupNorm: Rule = (op, to) => {
  const input = op.tensor(0);
  const groups = op.number(1);
  const C = op.fixed(input, 1);
  const rows = to.node("Reshape", [op.name(0), to.graph.integers([0, groups, -1])]);
  const list = (value: number) => to.floats(new Float32Array(groups).fill(value), [groups]);
  const epsilon = { float: op.number(4, 1e-5) };
  const normal = to.node("InstanceNormalization", [rows, list(1), list(0)], { epsilon });
  let result = to.node("Reshape", [normal, to.node("Shape", [op.name(0)])]);
  const channels = to.graph.integers([C, ...input.sizes.slice(2).map(() => 1)]);
  for (const [type, value] of [
    ["Mul", op.optional(2)],
    ["Add", op.optional(3)],
  ] as const)
    if (value) result = to.node(type, [result, to.node("Reshape", [to.name(value), channels])]);
  return result;
};

const averagePool: Rule = (op, to) =>
  to.node("AveragePool", [op.name(0)], {
    kernel_shape: op.numbers(1, 2),
    strides: op.numbers(2, 2),
    pads: pads(op.numbers(3, 2)),
    ceil_mode: op.flag(4) ? 1 : 0,
    count_include_pad: op.flag(5, true) ? 1 : 0,
  });

const maxPool: Rule = (op, to) =>
  to.node("MaxPool", [op.name(0)], {
    kernel_shape: op.numbers(1, 2),
    strides: op.numbers(2, 2),
    pads: pads(op.numbers(3, 2)),
    dilations: op.numbers(4, 2),
    ceil_mode: op.flag(5) ? 1 : 0,
  });

const adaptiveAveragePool: Rule = (op, to) => {
  const input = op.tensor(0);
  const sizes = op.numbers(1, 2);
  if (sizes.every((size) => size === 1)) return to.node("GlobalAveragePool", [op.name(0)]);
  const kernel = sizes.map((size, i) => op.fixed(input, i + 2) / size);
  if (!kernel.every(Number.isInteger)) return op.refuse("rectangles of unequal sizes");
  return to.node("AveragePool", [op.name(0)], { kernel_shape: kernel, strides: kernel });
};

/** The result's height and width; a whole multiple of the input's is given as a factor. */
function resized(op: OperationReader, attributes: Record<string, string>): string {
  const { to } = op;
  const input = op.tensor(0);
  const wanted = op.sizes(op.result());
  const factors = [2, 3].map((dim) => {
    const [from, size] = [input.sizes[dim], wanted[dim]!];
    if (isVariable(from) && isVariable(size))
      return size.axes.join() === from.axes.join() && from.offset === 0 && size.offset === 0
        ? size.factor / from.factor
        : undefined;
    return typeof from === "number" && typeof size === "number" ? size / from : undefined;
  });
  if (factors.every((factor): factor is number => factor !== undefined && Number.isInteger(factor)))
    return to.node("Resize", [op.name(0), "", to.graph.float([1, 1, ...factors], [4])], attributes);
  return to.node("Resize", [op.name(0), "", "", to.shape(wanted)], attributes);
}

const embedding: Rule = (op, to) => to.node("Gather", [op.name(0), op.name(1)], { axis: 0 });

const dropout: Rule = (op) =>
  op.flag(2) && op.number(1) !== 0
    ? op.refuse("it is in training mode; call eval() of the module first")
    : op.name(0);

/** Σ a·b / √(max(Σ a², ε²) · max(Σ b², ε²)) */
const cosineSimilarity: Rule = (op, to) => {
  const { dtype, sizes } = op.result();
  const rank = sizes.length + 1;
  const dim = op.number(2, 1);
  const axes = to.graph.integers([dim < 0 ? dim + rank : dim]);
  const smallest = to.scalar(op.number(3, 1e-8) ** 2, dtype);
  const [a, b] = [op.name(0, dtype), op.name(1, dtype)];
  const sum = (x: string, y: string) => to.node("ReduceSum", [to.node("Mul", [x, y]), axes], { keepdims: 0 });
  const square = (x: string) => to.node("Max", [sum(x, x), smallest]);
  return to.node("Div", [sum(a, b), to.node("Sqrt", [to.node("Mul", [square(a), square(b)])])]);
};

const constantPad: Rule = (op, to) => {
  const rank = op.tensor(0).sizes.length;
  const given = op.numbers(1); // From the last dimension on, start and end.
  const at = (dim: number, end: number) => given[2 * (rank - 1 - dim) + end] ?? 0;
  const dims = Array.from({ length: rank }, (_, dim) => dim);
  const list = to.graph.integers([...dims.map((dim) => at(dim, 0)), ...dims.map((dim) => at(dim, 1))]);
  return to.node("Pad", [op.name(0), list, op.operand(2, op.result().dtype)]);
};

export const layers: Record<string, Rule> = {
  linear,
  matmul: product,
  bmm: product,
  conv2d: convolution,
  "node_torch::conv_transpose2d": plainTransposedConvolution,
  "conv_transpose2d.input": transposedConvolution,
  "node_torch::batch_norm": batchNorm,
  glu,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  avg_pool2d: averagePool,
  max_pool2d: maxPool,
  adaptive_avg_pool2d: adaptiveAveragePool,
  upsample_nearest2d: (op) =>
    resized(op, { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
  upsample_bilinear2d: (op) => resized(op, { mode: "linear", coordinate_transformation_mode: "half_pixel" }),
  embedding,
  dropout,
  cosine_similarity: cosineSimilarity,
  constant_pad_nd: constantPad,
};
