/** Exports a network to ONNX by tracing its forward pass. */
import { noGrad } from "../autograd.js";
import { arange } from "../creation.js";
import { Module } from "../nn/module.js";
import { record } from "../recording.js";
import { scope } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";
import { OnnxExportError } from "./errors.js";
import { encodeModel } from "./format.js";
import { Graph } from "./graph.js";
import { type AxisPlace, Lowering, OperationReader } from "./lowering.js";
import { combine, type Program } from "./program.js";
import { rules } from "./rules/index.js";
import { type AxisSizes, axisSizesOfTraces, isVariable } from "./sizes.js";
import { splitTransposedConvolutions } from "./subpixel.js";
import { freeTrace, Trace } from "./trace.js";
import { storeWeights, type WeightPrecision } from "./weights.js";

/** A network with one tensor as its result, or several. */
export type Exportable =
  | (Module & { forward(...inputs: Tensor[]): Tensor | readonly Tensor[] })
  | ((...inputs: Tensor[]) => Tensor | readonly Tensor[]);

export interface OnnxOptions {
  /** Names of the inputs, in the order of the examples. */
  inputs: readonly string[];
  /** Names of the results, in their order. */
  outputs: readonly string[];
  /**
   * For each input, the dimensions whose size may differ from the example's, with a name: `{ x: { 0: "batch" } }`.
   * Dimensions with the same name have the same size.
   */
  dynamicAxes?: Readonly<Record<string, Readonly<Record<number, string>>>>;
  /** How weights are stored, by default float32. Inputs, outputs and computation are in float32 in any case. */
  weights?: WeightPrecision;
  /** Weights of fewer values stay in float32, or for int8 in float16; by default 256. */
  smallestWeight?: number;
  /** Modules whose parameters and buffers give the stored tensors their names; by default the exported module. */
  modules?: Readonly<Record<string, Module>>;
  /** Name of the graph. */
  name?: string;
  /** Properties of the model, for its users. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * The ONNX model (opset 17) of a network, as the bytes of a file. The network is called with the examples, and with larger
 * ones for the dynamic axes, and every operator that it calls becomes part of the graph. Everything that does not
 * depend on the inputs is computed now and stored. A module is exported in evaluation mode, and keeps its own mode.
 *
 * @param examples one tensor for each input. An example with a dynamic axis is enlarged by repeating its elements
 * @throws OnnxExportError naming the operator, and the line that calls it, if ONNX or this exporter cannot express it:
 *   if elements are read in JavaScript, for example
 */
export function exportOnnx(
  network: Exportable,
  examples: readonly Tensor[],
  options: OnnxOptions,
): Uint8Array<ArrayBufferLike> {
  const { inputs, outputs, name = "network", metadata } = options;
  if (inputs.length !== examples.length)
    throw new TypeError(`exportOnnx: ${examples.length} examples for ${inputs.length} inputs`);
  for (const input of Object.keys(options.dynamicAxes ?? {}))
    if (!inputs.includes(input)) throw new TypeError(`exportOnnx: dynamicAxes: "${input}" is not an input`);
  const axes = axisSizesOfTraces(smallestSizes(examples, options));
  const traces: Trace[] = [];
  return scope(() =>
    noGrad(() => {
      try {
        const results = axes.map((sizes) => {
          const given = examples.map((example, i) => enlarged(example, axesOf(inputs[i]!, options), sizes));
          const trace = new Trace(given);
          traces.push(trace);
          const result = inEvaluation(network, () => record(trace, () => call(network, given)));
          return tensorsOf(result, outputs).map((tensor) => trace.find(tensor));
        });
        const graph = graphOf(combine(traces, results, axes), network, options);
        storeWeights(graph, options.weights ?? "float32", options.smallestWeight);
        return encodeModel(graph, { name, ...(metadata && { metadata }) });
      } finally {
        for (const trace of traces) freeTrace(trace);
      }
    }),
  );
}

function graphOf(program: Program, network: Exportable, options: OnnxOptions): Graph {
  const graph = new Graph();
  const places = new Map<string, AxisPlace>();
  for (const input of options.inputs)
    for (const [axis, name] of axesOf(input, options))
      if (!places.has(name)) places.set(name, { input, axis });
  const modules = options.modules ?? (network instanceof Module ? { "": network } : {});
  const to = new Lowering(graph, program, places, labelsOf(modules));
  for (const name of [...options.inputs, ...options.outputs]) {
    if (graph.unique(name) !== name)
      throw new TypeError(`exportOnnx: two inputs or outputs have the name "${name}"`);
  }
  for (const [i, value] of program.inputs.entries()) {
    const name = options.inputs[i]!;
    const named = new Map(axesOf(name, options));
    graph.inputs.push({
      name,
      dtype: value.dtype,
      shape: value.sizes.map((size, dim) => named.get(dim) ?? (size as number)),
    });
    to.bind(value, name);
  }
  for (const operation of program.operations) {
    const rule = rules.get(operation.operator);
    const reader = new OperationReader(operation, to);
    if (!rule) reader.refuse("there is no rule for it");
    const names = [rule!(reader, to)].flat();
    for (const [i, result] of operation.results.entries()) to.bind(result, names[i]!);
  }
  for (const [i, value] of program.outputs.entries()) {
    const name = options.outputs[i]!;
    graph.nodes.push({ type: "Identity", inputs: [to.name(value)], outputs: [name], attributes: {} });
    graph.outputs.push({
      name,
      dtype: value.dtype,
      shape: value.sizes.map((size, dim) => {
        if (!isVariable(size)) return size ?? `${name}_${dim}`;
        return size.factor === 1 && size.offset === 0 && size.axes.length === 1
          ? size.axes[0]!
          : `${name}_${dim}`;
      }),
    });
  }
  splitTransposedConvolutions(graph);
  graph.prune();
  return graph;
}

function call(network: Exportable, inputs: readonly Tensor[]): unknown {
  return network instanceof Module ? network.forward(...inputs) : network(...inputs);
}

function tensorsOf(result: unknown, outputs: readonly string[]): Tensor[] {
  const tensors: unknown[] = Array.isArray(result) ? result : [result];
  if (!tensors.every(isTensor))
    throw new TypeError("exportOnnx: the network's result is not a tensor or an array of tensors");
  if (tensors.length !== outputs.length)
    throw new TypeError(
      `exportOnnx: the network has ${tensors.length} results, and ${outputs.length} outputs are named`,
    );
  return tensors;
}

/** Calls `fn` with a module in evaluation mode; each part has its own mode again afterwards. */
function inEvaluation<T>(network: Exportable, fn: () => T): T {
  if (!(network instanceof Module)) return fn();
  const modes = Array.from(network.modules(), (module) => [module, module.training] as const);
  network.eval();
  try {
    return fn();
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}

function axesOf(input: string, { dynamicAxes = {} }: OnnxOptions): [axis: number, name: string][] {
  return Object.entries(dynamicAxes[input] ?? {}).map(([axis, name]) => [Number(axis), name]);
}

/** The largest size that an example has for each dynamic axis. */
function smallestSizes(examples: readonly Tensor[], options: OnnxOptions): AxisSizes {
  const sizes = new Map<string, number>();
  for (const [i, input] of options.inputs.entries())
    for (const [axis, name] of axesOf(input, options)) {
      const size = examples[i]!.shape[axis];
      if (!size)
        throw new TypeError(
          `exportOnnx: dynamicAxes: the example of "${input}" has no elements along dimension ${axis}`,
        );
      sizes.set(name, Math.max(size, sizes.get(name) ?? 0));
    }
  return sizes;
}

/** The example with these sizes of its dynamic axes: its elements, repeated. */
function enlarged(example: Tensor, axes: readonly [number, string][], sizes: AxisSizes): Tensor {
  return axes.reduce((tensor, [axis, name]) => {
    const indices = arange(0, sizes.get(name)!, 1, { device: tensor.device }).remainder(tensor.size(axis));
    return tensor.indexSelect(axis, indices);
  }, example);
}

function labelsOf(modules: Readonly<Record<string, Module>>): Map<Tensor, string> {
  const labels = new Map<Tensor, string>();
  for (const [prefix, module] of Object.entries(modules))
    for (const [name, tensor] of module.stateDict())
      if (!labels.has(tensor)) labels.set(tensor, prefix === "" ? name : `${prefix}.${name}`);
  return labels;
}

export { OnnxExportError };
