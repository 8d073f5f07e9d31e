/**
 * How a model stores its weights. Inputs, outputs and computation are in float32 in any case, because few runtimes compute
 * in float16 on a processor: smaller weights are converted when the model is loaded, or where they are used.
 */
import { tensor } from "../creation.js";
import { scope } from "../scope.js";
import { dataTypes } from "./format.js";
import { bytesOf, floatsOf, type Graph, type GraphNode, type Initializer } from "./graph.js";

/** float16 takes half the space of float32. int8 takes a quarter: whole numbers with a scale per output channel. */
export type WeightPrecision = "float32" | "float16" | "int8";

/** Fewer values are not worth a conversion. */
export const SMALLEST = 256;

/**
 * Replaces the graph's float32 weights by smaller ones and nodes that convert them. Biases stay as they are. Weights of
 * fewer than `smallest` values stay in float32, or for int8 in float16: they take little space, and their errors affect
 * as much of the result as those of larger ones.
 */
export function storeWeights(graph: Graph, precision: WeightPrecision, smallest: number = SMALLEST): void {
  if (precision === "float32") return;
  const converters: GraphNode[] = [];
  for (const weight of [...graph.initializers.values()]) {
    const count = weight.shape.reduce((product, extent) => product * extent, 1);
    if (weight.dtype !== "float32" || weight.shape.length < 2 || count < SMALLEST) continue;
    const stored = count >= smallest ? precision : precision === "int8" ? "float16" : "float32";
    if (stored === "float32") continue;
    const users = graph.nodes.filter(({ inputs }) => inputs.includes(weight.name));
    const isTable = users.every(({ type, inputs }) => type === "Gather" && inputs[1] !== weight.name);
    if (isTable) (stored === "int8" ? scaleRows : castRows)(graph, weight, users);
    else converters.push(...(stored === "int8" ? scaleChannels : castWhole)(graph, weight, users));
  }
  graph.nodes.unshift(...converters);
}

/** Makes `users` read `name` instead of the weight. */
function redirect(weight: Initializer, users: readonly GraphNode[], name: string): void {
  for (const { inputs } of users)
    for (const [i, input] of inputs.entries()) if (input === weight.name) inputs[i] = name;
}

function storeHalf(graph: Graph, { name, shape, bytes }: Initializer): void {
  const half = scope(() => {
    const values = new Float32Array(bytes.slice().buffer);
    const converted = tensor(values, { shape: [...shape], dtype: "float16" });
    if (!converted.isfinite().all().item())
      throw new Error(
        `exportOnnx: ${name} has values beyond float16's largest, 65504; store the weights in float32`,
      );
    return converted.toBytes();
  });
  graph.initializers.set(name, { name, dtype: "float16", shape, bytes: half });
}

function castWhole(graph: Graph, weight: Initializer, users: readonly GraphNode[]): GraphNode[] {
  storeHalf(graph, weight);
  const whole = graph.unique(`${weight.name}.float32`);
  redirect(weight, users, whole);
  return [node("Cast", [weight.name], whole, { to: dataTypes.float32 })];
}

/** Converts only the rows that are looked up. */
function castRows(graph: Graph, weight: Initializer, users: readonly GraphNode[]): void {
  storeHalf(graph, weight);
  for (const user of users) {
    const [result] = user.outputs as [string];
    user.outputs[0] = graph.unique(`${result}.float16`);
    insertAfter(graph, user, [node("Cast", [user.outputs[0]], result, { to: dataTypes.float32 })]);
  }
}

/** The dimension of a weight that counts outputs, by its first user. */
const outputDims: Readonly<Record<string, number>> = { ConvTranspose: 1, MatMul: 1 };

function scaleChannels(graph: Graph, weight: Initializer, users: readonly GraphNode[]): GraphNode[] {
  const axis =
    weight.shape.length > 2 && users[0]?.type === "MatMul" ? 0 : (outputDims[users[0]?.type ?? ""] ?? 0);
  // An LSTM's weights have a dimension for the directions before that of the gates.
  const shape =
    users[0]?.type === "LSTM"
      ? [weight.shape[0]! * weight.shape[1]!, ...weight.shape.slice(2)]
      : weight.shape;
  const { scales } = storeScaled(graph, weight, shape, axis);
  const whole = graph.unique(`${weight.name}.float32`);
  redirect(weight, users, whole);
  if (shape === weight.shape) return [node("DequantizeLinear", [weight.name, scales], whole, { axis })];
  const flat = graph.unique(`${weight.name}.flat`);
  return [
    node("DequantizeLinear", [weight.name, scales], flat, { axis }),
    node("Reshape", [flat, graph.integers(weight.shape)], whole, {}),
  ];
}

/** Converts only the rows that are looked up: each is multiplied by its own scale. */
function scaleRows(graph: Graph, weight: Initializer, users: readonly GraphNode[]): void {
  const { scales } = storeScaled(graph, weight, weight.shape, 0);
  const column = graph.initializers.get(scales)!;
  graph.initializers.set(scales, {
    ...column,
    shape: [...column.shape, ...weight.shape.slice(1).map(() => 1)],
  });
  for (const user of users) {
    const [result] = user.outputs as [string];
    const [rows, numbers, factors] = ["int8", "whole", "scale"].map((end) =>
      graph.unique(`${result}.${end}`),
    ) as [string, string, string];
    user.outputs[0] = rows;
    insertAfter(graph, user, [
      node("Cast", [rows], numbers, { to: dataTypes.float32 }),
      node("Gather", [scales, user.inputs[1]!], factors, user.attributes),
      node("Mul", [numbers, factors], result, {}),
    ]);
  }
}

/** Stores a weight as int8 of this shape, with a scale for every index of `axis`: the largest magnitude becomes 127. */
function storeScaled(
  graph: Graph,
  weight: Initializer,
  shape: readonly number[],
  axis: number,
): { scales: string } {
  const values = floatsOf(weight);
  const count = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const channelOf = (i: number) => Math.floor(i / inner) % count;
  const scales = new Float32Array(count);
  for (const [i, value] of values.entries()) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel]!, Math.abs(value) / 127);
  }
  const whole = Int8Array.from(values, (value, i) => Math.round(value / (scales[channelOf(i)]! || 1)));
  graph.initializers.set(weight.name, { name: weight.name, dtype: "int8", shape, bytes: bytesOf(whole) });
  const name = graph.unique(`${weight.name}.scale`);
  graph.initializers.set(name, { name, dtype: "float32", shape: [count], bytes: bytesOf(scales) });
  return { scales: name };
}

function node(
  type: string,
  inputs: string[],
  output: string,
  attributes: GraphNode["attributes"],
): GraphNode {
  return { type, inputs, outputs: [output], attributes };
}

function insertAfter(graph: Graph, before: GraphNode, nodes: readonly GraphNode[]): void {
  graph.nodes.splice(graph.nodes.indexOf(before) + 1, 0, ...nodes);
}
