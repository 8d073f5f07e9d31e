/** The recorded calls of one forward pass. */
import type { DType } from "../dtype.js";
import { native } from "../native.js";
import type { Recorder } from "../recording.js";
import { keep } from "../scope.js";
import { isTensor, type Tensor } from "../tensor.js";
import { OnnxExportError } from "./errors.js";

/** A tensor of a trace, numbered in the order in which the trace met them. */
export interface TracedTensor {
  id: number;
  dtype: DType;
  shape: number[];
  /** Whether its elements depend on the inputs. */
  depends: boolean;
  /** Whether an operator in place changed it. */
  changed: boolean;
  /** Kept until the end of the export, for the elements of constants. */
  tensor: Tensor;
  /** The elements of a small constant that no call has made, which may be freed before the trace ends. */
  bytes: Uint8Array | undefined;
}

/** An argument: a tensor, a plain value, or a list of them. */
export type TracedArgument = TracedTensor | string | number | boolean | undefined | TracedArgument[];

export interface TracedCall {
  operator: string;
  values: TracedArgument[];
  /** Empty if the result is not a tensor. */
  results: TracedTensor[];
  /** The line outside this package that led to the call. */
  line: string;
}

/** Bytes of a constant that a trace copies. */
const LARGEST_COPY = 2 ** 16;

export class Trace implements Recorder {
  readonly calls: TracedCall[] = [];
  readonly inputs: TracedTensor[];
  /** Results of the calls, which must be freed. */
  readonly made: Tensor[] = [];
  readonly #known = new Map<object, TracedTensor>();
  /** Tensors that are an argument of a call that depends on the inputs. */
  readonly #used = new Set<TracedTensor>();

  constructor(inputs: readonly Tensor[]) {
    this.inputs = inputs.map((input) => this.#meet(input, true));
  }

  called(name: string, values: readonly unknown[], result: unknown): void {
    const operator = name.replace(/^aten::/, "");
    const tensors = tensorsOf(values).map((tensor) => this.find(tensor));
    const depends = tensors.some((tensor) => tensor.depends);
    const inPlace = isInPlace(operator);
    if (inPlace) this.#change(operator, tensors, depends);
    const results = Array.isArray(result) ? result : [result];
    if (!results.every(isTensor)) {
      if (depends)
        throw new OnnxExportError(
          operator,
          userLine(),
          "JavaScript reads its result, which depends on the inputs",
        );
      return;
    }
    if (inPlace || results.every((tensor) => this.#known.has(tensor))) return; // The tensor itself, if nothing changes.
    for (const tensor of results) this.made.push(keep(tensor));
    if (depends) for (const tensor of tensors) this.#used.add(tensor);
    this.calls.push({
      operator,
      values: values.map((value) => this.#argument(value)),
      results: results.map((tensor) => this.#meet(tensor, depends)),
      line: userLine(),
    });
  }

  read(tensor: object): void {
    if (this.#known.get(tensor)?.depends)
      throw new OnnxExportError(
        "toArray or item",
        userLine(),
        "JavaScript reads elements that depend on the inputs",
      );
  }

  /** The entry of a tensor; one that no call has made is a constant. */
  find(tensor: Tensor): TracedTensor {
    return this.#known.get(tensor) ?? this.#meetConstant(tensor);
  }

  #meet(tensor: Tensor, depends: boolean): TracedTensor {
    const { dtype, shape } = tensor;
    const traced = { id: this.#known.size, dtype, shape, depends, changed: false, tensor, bytes: undefined };
    this.#known.set(tensor, traced);
    return traced;
  }

  /** A constant from outside, or made of an array. */
  #meetConstant(tensor: Tensor): TracedTensor {
    const bytes = tensor.byteLength <= LARGEST_COPY ? tensor.toBytes() : undefined;
    return Object.assign(this.#meet(keep(tensor), false), { bytes });
  }

  /** Operators in place may prepare a constant. Others cannot be exported: ONNX's tensors never change. */
  #change(operator: string, [target]: TracedTensor[], depends: boolean): void {
    if (!target || depends || this.#used.has(target))
      throw new OnnxExportError(
        operator,
        userLine(),
        "it works in place; use the operator that returns a new tensor",
      );
    target.changed = true;
  }

  #argument(value: unknown): TracedArgument {
    if (isTensor(value)) return this.find(value);
    if (Array.isArray(value)) return value.map((item) => this.#argument(item));
    if (value === null || value === undefined) return undefined;
    if (typeof value === "object" || typeof value === "function") return undefined; // A random generator.
    return value as TracedArgument;
  }
}

function tensorsOf(values: readonly unknown[]): Tensor[] {
  return values.flatMap((value) =>
    isTensor(value) ? [value] : Array.isArray(value) ? tensorsOf(value) : [],
  );
}

/** PyTorch's names of operators in place end with an underscore, before the overload. */
function isInPlace(operator: string): boolean {
  return /[^_]_(\.|$)/.test(operator) || /^(set_data)$/.test(operator);
}

const here = new URL("..", import.meta.url);

/** The innermost line of the stack that is not this package's. */
function userLine(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  const lines = stack
    .split("\n")
    .slice(1)
    .map((line) => line.trim().replace(/^at /, ""));
  const isOwn = (line: string) =>
    (line.includes(here.href) || line.includes(here.pathname)) && !/\.test\.[jt]s/.test(line);
  return lines.find((line) => !isOwn(line) && !line.includes("node:")) ?? "an unknown line";
}

export function freeTrace({ made }: Trace): void {
  for (const tensor of made) if (!native.isDisposed(tensor)) native.dispose(tensor);
}
