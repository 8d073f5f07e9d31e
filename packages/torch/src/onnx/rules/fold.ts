/** Folds a batch normalization with constant statistics into the convolution or linear layer before it. */
import { floatsOf, type GraphNode } from "../graph.js";
import type { OperationReader } from "../lowering.js";
import type { Value } from "../program.js";

/** The dimension of the weight that counts output channels. */
const channelDim: Record<string, number> = { Conv: 0, ConvTranspose: 1, Gemm: 0 };

/**
 * Changes the node that computes `value`, so that its result is factor · value + offset per channel. Returns false, without
 * changes, unless the node is a layer with constant weights whose result nothing else uses.
 */
export function foldIntoProducer(
  { to }: OperationReader,
  value: Value,
  factor: readonly number[],
  offset: readonly number[],
): boolean {
  if (to.program.uses(value) !== 1) return false;
  const node = to.graph.producer(to.name(value));
  if (
    !node ||
    !(node.type in channelDim) ||
    (node.type === "ConvTranspose" && node.attributes.group !== undefined && node.attributes.group !== 1)
  )
    return false;
  const weight = to.graph.initializers.get(node.inputs[1]!);
  const bias = node.inputs[2] === undefined ? undefined : to.graph.initializers.get(node.inputs[2]);
  if (weight?.dtype !== "float32" || (node.inputs[2] !== undefined && bias?.dtype !== "float32"))
    return false;
  const dim = channelDim[node.type]!;
  const C = weight.shape[dim];
  if (C !== factor.length) return false;
  const inner = weight.shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const values = floatsOf(weight).map((w, i) => w * factor[Math.floor(i / inner) % C]!);
  const old = bias ? floatsOf(bias) : new Float32Array(C);
  replaceInputs(node, [
    node.inputs[0]!,
    to.floats(values, weight.shape, `${weight.name}.normalized`),
    to.floats(
      offset.map((plus, c) => old[c]! * factor[c]! + plus),
      [C],
      `${weight.name}.offset`,
    ),
  ]);
  return true;
}

function replaceInputs(node: GraphNode, inputs: string[]): void {
  node.inputs.splice(0, node.inputs.length, ...inputs);
}
