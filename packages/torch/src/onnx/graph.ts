/** An ONNX graph while it is built: nodes in order, with weights as initializers. */
import type { DType } from "../dtype.js";

/** Operators of ONNX's default domain, version 17, which runtimes support since 2022. */
export const OPSET = 17;

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface GraphNode {
  type: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, AttributeValue>;
}

/** A tensor stored in the model. */
export interface Initializer {
  name: string;
  dtype: DType;
  shape: readonly number[];
  /** Row-major, little-endian. */
  bytes: Uint8Array;
}

/** A graph's input or output. A dynamic axis has a name instead of a size. */
export interface GraphValue {
  name: string;
  dtype: DType;
  shape: readonly (number | string)[];
}

export class Graph {
  readonly inputs: GraphValue[] = [];
  readonly outputs: GraphValue[] = [];
  readonly nodes: GraphNode[] = [];
  readonly initializers = new Map<string, Initializer>();
  readonly #names = new Set<string>();
  /** Names of small constants and of nodes by their content: each is stored or computed once. */
  readonly #known = new Map<string, string>();

  /** An unused name that begins with `wanted`. */
  unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node with one output. Equal nodes are added once. Returns the output's name. */
  node(type: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    const key = JSON.stringify([type, inputs, attributes]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const [output] = this.nodeOf(type, inputs, 1, attributes) as [string];
    this.#known.set(key, output);
    return output;
  }

  /** Adds a node with several outputs. */
  nodeOf(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes: Record<string, AttributeValue> = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.unique(type.toLowerCase()));
    this.nodes.push({ type, inputs: [...inputs], outputs, attributes });
    return outputs;
  }

  /** Adds a tensor. Equal small ones are stored once. */
  initializer(dtype: DType, shape: readonly number[], bytes: Uint8Array, name = "constant"): string {
    const key =
      bytes.length <= 64 ? JSON.stringify([dtype, shape, Buffer.from(bytes).toString("hex")]) : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const unique = this.unique(name);
    this.initializers.set(unique, { name: unique, dtype, shape, bytes });
    if (key !== undefined) this.#known.set(key, unique);
    return unique;
  }

  float(values: readonly number[], shape: readonly number[] = []): string {
    return this.initializer("float32", shape, bytesOf(Float32Array.from(values)));
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.initializer("int64", shape, bytesOf(BigInt64Array.from(values, BigInt)));
  }

  /** The node that computes `name`. */
  producer(name: string): GraphNode | undefined {
    return this.nodes.findLast((node) => node.outputs.includes(name));
  }

  /** Removes nodes and initializers that no output needs. */
  prune(): void {
    const needed = new Set(this.outputs.map(({ name }) => name));
    const kept = this.nodes
      .toReversed()
      .filter((node) => {
        if (!node.outputs.some((name) => needed.has(name))) return false;
        for (const name of node.inputs) needed.add(name);
        return true;
      })
      .reverse();
    this.nodes.splice(0, this.nodes.length, ...kept);
    for (const name of this.initializers.keys()) if (!needed.has(name)) this.initializers.delete(name);
  }
}

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

export function floatsOf({ bytes }: Initializer): Float32Array<ArrayBuffer> {
  return new Float32Array(bytes.slice().buffer);
}
