/** Turns operations into nodes of an ONNX graph. The rules in `rules/` say how, one for each operator. */
import type { DType } from "../dtype.js";
import { isFloating } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { OnnxExportError } from "./errors.js";
import { dataTypes } from "./format.js";
import { type AttributeValue, bytesOf, type Graph } from "./graph.js";
import { type Argument, isValue, type Operation, type Program, type Value } from "./program.js";
import { isVariable, type Size, sameSize } from "./sizes.js";

/** Adds the nodes of an operation. Returns the names of its results, one for each. */
export type Rule = (operation: OperationReader, to: Lowering) => string | string[];

/** Where a graph's input has a dynamic axis. */
export interface AxisPlace {
  input: string;
  axis: number;
}

export class Lowering {
  readonly #names = new Map<Value, string>();

  /**
   * @param axes where to measure each dynamic axis
   * @param labels names of the model's parameters and buffers
   */
  constructor(
    readonly graph: Graph,
    readonly program: Program,
    readonly axes: ReadonlyMap<string, AxisPlace>,
    readonly labels: ReadonlyMap<Tensor, string>,
  ) {}

  /** Names a value that the graph has. */
  bind(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  /** The name of a value; a constant becomes an initializer when it is first used. */
  name(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const { constant } = value;
    if (!constant) throw new Error(`exportOnnx: value ${value.id} is used before it is computed`);
    const { dtype, shape } = constant;
    const label = this.labels.get(constant);
    const name = this.graph.initializer(dtype, shape, constant.toBytes(), label);
    this.#names.set(value, name);
    return name;
  }

  node(type: string, inputs: readonly string[], attributes?: Record<string, AttributeValue>): string {
    return this.graph.node(type, inputs, attributes);
  }

  /** A number as a constant without dimensions. */
  scalar(value: number, dtype: DType): string {
    if (dtype === "float32") return this.graph.float([value]);
    if (dtype === "int64") return this.graph.integers([value], []);
    if (dtype === "bool") return this.graph.initializer("bool", [], Uint8Array.of(value === 0 ? 0 : 1));
    return this.cast(this.graph.float([value]), "float32", dtype);
  }

  /** float32 values as a constant. */
  floats(values: ArrayLike<number>, shape: readonly number[], name?: string): string {
    return this.graph.initializer("float32", shape, bytesOf(Float32Array.from(values)), name);
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node("Cast", [name], { to: dataTypes[to] });
  }

  /** A size as int64 [1]. */
  size(size: Size): string {
    if (!isVariable(size)) return this.graph.integers([size]);
    const factors = size.axes.map((axis) => {
      const place = this.axes.get(axis)!;
      return this.node("Shape", [place.input], { start: place.axis, end: place.axis + 1 });
    });
    let name = factors.reduce((product, factor) => this.node("Mul", [product, factor]));
    if (size.factor !== 1) name = this.node("Mul", [name, this.graph.integers([size.factor])]);
    if (size.offset !== 0) name = this.node("Add", [name, this.graph.integers([size.offset])]);
    return name;
  }

  /** Sizes as int64 [count]. */
  shape(sizes: readonly Size[]): string {
    if (!sizes.some(isVariable)) return this.graph.integers(sizes as number[]);
    return sizes.length === 1
      ? this.size(sizes[0]!)
      : this.node(
          "Concat",
          sizes.map((size) => this.size(size)),
          { axis: 0 },
        );
  }

  /** `name`, of a shape `from`, in the shape `sizes`. */
  reshape(name: string, from: readonly (Size | undefined)[], sizes: readonly Size[]): string {
    // 0 copies a size of the input, and one −1 is computed from the others.
    const short = sizes.map((size, i) =>
      isVariable(size) ? (sameSize(size, from[i]) ? 0 : -1) : size === 0 ? Number.NaN : size,
    );
    const isShort = short.filter((size) => size === -1).length <= 1 && !short.includes(Number.NaN);
    return this.node("Reshape", [name, isShort ? this.graph.integers(short) : this.shape(sizes)]);
  }
}

/** The arguments of an operation, read by position. */
export class OperationReader {
  readonly operator: string;

  constructor(
    readonly operation: Operation,
    readonly to: Lowering,
  ) {
    this.operator = operation.operator;
  }

  at(index: number): Argument {
    return this.operation.values[index];
  }

  tensor(index: number): Value {
    const value = this.at(index);
    if (value === undefined || !isValue(value)) return this.refuse(`argument ${index + 1} is not a tensor`);
    return value;
  }

  optional(index: number): Value | undefined {
    return this.at(index) === undefined ? undefined : this.tensor(index);
  }

  tensors(index: number): Value[] {
    const list = this.at(index);
    if (!Array.isArray(list) || !list.every((one): one is Value => one !== undefined && isValue(one)))
      return this.refuse(`argument ${index + 1} is not a list of tensors`);
    return list;
  }

  /** The name of a tensor, converted to `dtype` if that is given. */
  name(index: number, dtype?: DType): string {
    return this.nameOf(this.tensor(index), dtype);
  }

  nameOf(value: Value, dtype: DType = value.dtype): string {
    return this.to.cast(this.to.name(value), value.dtype, dtype);
  }

  /** A tensor or a number as an operand of this dtype. */
  operand(index: number, dtype: DType): string {
    const value = this.at(index);
    if (typeof value === "number" || typeof value === "boolean") return this.to.scalar(Number(value), dtype);
    if (isVariable(value))
      return this.to.cast(this.to.node("Squeeze", [this.to.size(value)]), "int64", dtype);
    return this.name(index, dtype);
  }

  number(index: number, fallback?: number): number {
    const value = this.at(index) ?? fallback;
    if (typeof value !== "number")
      return this.refuse(`argument ${index + 1} is not a number that is equal for all sizes of the inputs`);
    return value;
  }

  flag(index: number, fallback = false): boolean {
    return Boolean(this.at(index) ?? fallback);
  }

  size(index: number): Size {
    const value = this.at(index);
    if (typeof value === "number" || isVariable(value)) return value;
    return this.refuse(`argument ${index + 1} is not a number`);
  }

  /** A list of numbers; one number is repeated `count` times. */
  numbers(index: number, count?: number): number[] {
    const value = this.at(index);
    if (typeof value === "number") return Array.from({ length: count ?? 1 }, () => value);
    if (Array.isArray(value) && value.every((one): one is number => typeof one === "number"))
      return value.length === 1 && count !== undefined ? this.#repeated(value[0]!, count) : value;
    return this.refuse(
      `argument ${index + 1} is not a list of numbers that are equal for all sizes of the inputs`,
    );
  }

  #repeated(value: number, count: number): number[] {
    return Array.from({ length: count }, () => value);
  }

  result(index = 0): Value {
    return this.operation.results[index]!;
  }

  /** The sizes of a value; refuses a size that is no expression of the dynamic axes. */
  sizes(value: Value): Size[] {
    return value.sizes.map(
      (size) => size ?? this.refuse("a size of it cannot be computed from the inputs' sizes"),
    );
  }

  /** A dimension from 0 on. */
  dim(index: number, value: Value, fallback?: number): number {
    const dim = this.number(index, fallback);
    return dim < 0 ? dim + value.sizes.length : dim;
  }

  /** Its size in dimension `dim`, which must not vary. */
  fixed(value: Value, dim: number): number {
    const size = value.sizes[dim];
    if (typeof size !== "number") return this.refuse(`dimension ${dim} of its argument must not be dynamic`);
    return size;
  }

  /** The dtype that this operation computes in, for arguments of several. */
  get common(): DType {
    const values = this.operation.values.filter(
      (value): value is Value => value !== undefined && isValue(value),
    );
    // As in PyTorch, a tensor without dimensions or a number only counts if it is of a higher kind.
    const shaped = values.filter(({ sizes }) => sizes.length > 0);
    const dtypes = (shaped.length > 0 ? shaped : values).map(({ dtype }) => dtype);
    const widest = dtypes.find(isFloating) ?? dtypes.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    const hasFraction =
      values.some(({ dtype }) => isFloating(dtype)) ||
      this.operation.values.some((value) => typeof value === "number" && !Number.isInteger(value));
    return hasFraction && !isFloating(widest) ? "float32" : widest;
  }

  /** Throws the error that names the operator and the line that called it. */
  refuse(reason: string): never {
    throw new OnnxExportError(this.operator, this.operation.line, reason);
  }
}

const order: readonly DType[] = ["bool", "uint8", "int8", "int16", "int32", "int64"];
const rank = (dtype: DType): number => order.indexOf(dtype);
