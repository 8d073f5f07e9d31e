/**
 * Transposed convolutions that double the size, as four small convolutions: onnxruntime has fast kernels for convolutions
 * only. The pixels at even and odd rows and columns are convolutions of their own, with a fourth of the weights each (Shi et
 * al., "Is the deconvolution layer the same as a convolutional layer?", 2016, arXiv 1609.07009), so that there are no more
 * multiplications.
 */
import { floatsOf, type Graph, type GraphNode, type Initializer } from "./graph.js";

/** Replaces each transposed convolution of 4×4 with stride 2, padding 1 and constant weights. */
export function splitTransposedConvolutions(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    const weight = graph.initializers.get(node.inputs[1] ?? "");
    if (weight && doublesSize(node, weight)) split(graph, node, weight);
  }
}

function doublesSize({ type, attributes }: GraphNode, { dtype, shape }: Initializer): boolean {
  const { strides, pads, output_padding = [], dilations = [], group = 1 } = attributes;
  const all = (values: unknown, value: number) => (values as number[]).every((one) => one === value);
  const isPlain = all(output_padding, 0) && all(dilations, 1) && group === 1;
  return (
    type === "ConvTranspose" &&
    dtype === "float32" &&
    all(shape.slice(2), 4) &&
    all(strides, 2) &&
    all(pads, 1) &&
    isPlain
  );
}

/** weight [I, O, 4, 4] */
function split(graph: Graph, node: GraphNode, weight: Initializer): void {
  const [input, , ...bias] = node.inputs as [string, string, string?];
  const before = graph.nodes.splice(graph.nodes.indexOf(node));
  const parts = [0, 1].flatMap((row) =>
    [0, 1].map((column) => {
      const values = phase(weight, row, column);
      const shape = [weight.shape[1]!, weight.shape[0]!, 2, 2];
      const own = graph.initializer("float32", shape, values, `${weight.name}.${row}${column}`);
      const attributes = {
        ...{ kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], group: 1 },
        pads: [1 - row, 1 - column, row, column],
      };
      return graph.nodeOf("Conv", [input, own, ...(bias as string[])], 1, attributes)[0]!;
    }),
  );
  const joined = graph.nodeOf("Concat", parts, 1, { axis: 1 });
  graph.nodes.push({
    ...{ type: "DepthToSpace", inputs: joined, outputs: node.outputs },
    attributes: { blocksize: 2, mode: "DCR" },
  });
  graph.nodes.push(...before.slice(1));
}

/** Rows or columns of the 4×4 weight that the even and the odd outputs use, in the order of the inputs. */
const used = [
  [3, 1],
  [2, 0],
] as const;

/** The weight [O, I, 2, 2] of the outputs at even or odd rows and columns. */
function phase(weight: Initializer, row: number, column: number): Uint8Array {
  const [I, O] = weight.shape as [number, number];
  const values = floatsOf(weight);
  const own = new Float32Array(O * I * 4);
  for (let o = 0, to = 0; o < O; o++)
    for (let i = 0; i < I; i++)
      for (const y of used[row]!)
        for (const x of used[column]!) own[to++] = values[((i * O + o) * 4 + y) * 4 + x]!;
  return new Uint8Array(own.buffer);
}
