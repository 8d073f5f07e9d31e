/** The calls of a forward pass for every size of the dynamic axes, from traces with several sizes. */
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { OnnxExportError } from "./errors.js";
import { type AxisSizes, fitSize, type Size, type VariableSize } from "./sizes.js";
import type { Trace, TracedArgument, TracedCall, TracedTensor } from "./trace.js";

/** A tensor of the program. */
export interface Value {
  readonly id: number;
  readonly dtype: DType;
  /** A size is undefined if it is no expression of the dynamic axes. */
  readonly sizes: readonly (Size | undefined)[];
  /** Its elements, if they are equal for all inputs and sizes. */
  readonly constant: Tensor | undefined;
}

export type Argument = Value | VariableSize | string | number | boolean | undefined | Argument[];

/** A call that must be computed by the graph. */
export interface Operation {
  readonly operator: string;
  readonly values: readonly Argument[];
  readonly results: readonly Value[];
  readonly line: string;
}

export interface Program {
  inputs: Value[];
  outputs: Value[];
  /** In order, without calls whose results are constant or not used. */
  operations: Operation[];
  /** How often a value is used by `operations` and `outputs`. */
  uses(value: Value): number;
}

/** Combines traces of the same function, whose dynamic axes have these sizes. `outputs` are its results in each trace. */
export function combine(
  traces: readonly Trace[],
  outputs: readonly (readonly TracedTensor[])[],
  axes: readonly AxisSizes[],
): Program {
  const [first] = traces as [Trace];
  for (const trace of traces.slice(1)) requireSameCalls(first, trace);
  const calls = first.calls.map((_, i) => traces.map((trace) => trace.calls[i]!));
  const live = liveCalls(first, outputs[0]!);
  const values = new Map<number, Value>();
  const uses = new Map<Value, number>();
  const use = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);

  /** The value of a tensor that has no entry yet. */
  const define = (same: readonly TracedTensor[], isConstant: boolean): Value => {
    const [{ id, dtype, shape, tensor }] = same as [TracedTensor];
    const sizes = shape.map((_, dim) =>
      fitSize(
        same.map((one) => one.shape[dim]!),
        axes,
      ),
    );
    const value = { id, dtype, sizes, constant: isConstant ? tensor : undefined };
    values.set(id, value);
    return value;
  };
  /** A tensor that no call of the program has made is a constant of the model. */
  const entryOf = (same: readonly TracedTensor[], { operator, line }: TracedCall): Value => {
    const known = values.get(same[0]!.id);
    if (known) return known;
    if (!haveEqualElements(same))
      throw new OnnxExportError(
        operator,
        line,
        "a constant among its arguments depends on the inputs' sizes",
      );
    return define(same, true);
  };
  const argumentOf = (same: readonly TracedArgument[], call: TracedCall): Argument => {
    const [one] = same;
    if (isTraced(one)) return entryOf(same as TracedTensor[], call);
    if (Array.isArray(one))
      return one.map((_, i) =>
        argumentOf(
          same.map((list) => (list as TracedArgument[])[i]),
          call,
        ),
      );
    if (typeof one !== "number" || same.every((other) => Object.is(other, one))) return one;
    const size = fitSize(same as number[], axes);
    if (size !== undefined) return size;
    throw new OnnxExportError(
      call.operator,
      call.line,
      `a number among its arguments is ${same.join(", ")} for different sizes of the inputs`,
    );
  };

  const inputs = first.inputs.map((_, i) =>
    define(
      traces.map((trace) => trace.inputs[i]!),
      false,
    ),
  );
  const operations: Operation[] = [];
  for (const [i, same] of calls.entries()) {
    const [call] = same as [TracedCall];
    if (!live[i]) continue;
    const resultsOf = call.results.map((_, r) => same.map((one) => one.results[r]!));
    if (resultsOf.some((results) => results.some((result) => result.changed))) {
      // Operators in place have changed it, so that only the final elements are known.
      if (!resultsOf.every(haveEqualElements))
        throw new OnnxExportError(
          call.operator,
          call.line,
          "its result is changed in place and depends on the inputs' sizes",
        );
      for (const results of resultsOf) define(results, true);
      continue;
    }
    const arguments_ = call.values.map((_, v) =>
      argumentOf(
        same.map((one) => one.values[v]),
        call,
      ),
    );
    const tensors = valuesIn(arguments_);
    const isConstant = tensors.every((value) => value.constant) && !hasVariable(arguments_);
    if (isRandom(call.operator, arguments_))
      throw new OnnxExportError(
        call.operator,
        call.line,
        "it is random; make its result an input of the model",
      );
    const results = resultsOf.map((result) => define(result, isConstant));
    if (isConstant) continue;
    for (const value of tensors) use(value);
    operations.push({ operator: call.operator, values: arguments_, results, line: call.line });
  }
  const finals = outputs[0]!.map((_, i) => {
    const same = outputs.map((list) => list[i]!);
    const value = values.get(same[0]!.id);
    if (value) return value;
    if (haveEqualElements(same)) return define(same, true);
    throw new Error(`exportOnnx: output ${i} is a constant whose elements depend on the inputs' sizes`);
  });
  for (const value of finals) use(value);
  return { inputs, outputs: finals, operations, uses: (value) => uses.get(value) ?? 0 };
}

/** Which calls have a result that the outputs need. */
function liveCalls({ calls }: Trace, outputs: readonly TracedTensor[]): boolean[] {
  const needed = new Set(outputs.map(({ id }) => id));
  return calls
    .map((call) => call)
    .reverse()
    .map((call) => {
      if (!call.results.some(({ id }) => needed.has(id))) return false;
      for (const { id } of tracedIn(call.values)) needed.add(id);
      return true;
    })
    .reverse();
}

function requireSameCalls(first: Trace, other: Trace): void {
  const at = first.calls.findIndex((call, i) => {
    const same = other.calls[i];
    return (
      !same ||
      call.operator !== same.operator ||
      describe(call.values) !== describe(same.values) ||
      call.results.map(({ id }) => id).join() !== same.results.map(({ id }) => id).join()
    );
  });
  const call = first.calls[at] ?? other.calls[first.calls.length];
  if (call)
    throw new OnnxExportError(
      call.operator,
      call.line,
      "whether or with what it is called depends on the inputs' sizes",
    );
}

/** Kinds of arguments, and the numbers of tensors, but no values of numbers. */
function describe(value: TracedArgument): string {
  if (isTraced(value)) return `#${value.id}`;
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`;
  return typeof value === "number" ? "number" : String(value);
}

function isTraced(value: TracedArgument): value is TracedTensor {
  return typeof value === "object" && !Array.isArray(value);
}

function tracedIn(values: readonly TracedArgument[]): TracedTensor[] {
  return values.flatMap((value) => (isTraced(value) ? [value] : Array.isArray(value) ? tracedIn(value) : []));
}

export function isValue(value: Argument): value is Value {
  return typeof value === "object" && "sizes" in value;
}

/** All tensors among arguments. */
export function valuesIn(values: readonly Argument[]): Value[] {
  return values.flatMap((value) => (Array.isArray(value) ? valuesIn(value) : isValue(value) ? [value] : []));
}

function hasVariable(values: readonly Argument[]): boolean {
  return values.some((value) =>
    Array.isArray(value) ? hasVariable(value) : typeof value === "object" && !isValue(value),
  );
}

function isRandom(operator: string, values: readonly Argument[]): boolean {
  if (/^(dropout|alpha_dropout|feature_dropout)$/.test(operator))
    return values[2] === true && values[1] !== 0;
  return /^(rand|randn|randint|randperm|normal|bernoulli|multinomial|poisson)(_like)?(\.|$)/.test(operator);
}

/** Whether a tensor is the same in all traces: one object, or equal elements. */
function haveEqualElements(same: readonly TracedTensor[]): boolean {
  const [first] = same as [TracedTensor];
  let own: Uint8Array | undefined;
  return same.slice(1).every((other) => {
    if (other.tensor === first.tensor) return true;
    if (other.dtype !== first.dtype || other.shape.join() !== first.shape.join()) return false;
    own ??= bytesOf(first);
    const bytes = bytesOf(other);
    return own !== undefined && bytes !== undefined && Buffer.compare(own, bytes) === 0;
  });
}

/** Undefined if they were freed. */
function bytesOf({ bytes, tensor }: TracedTensor): Uint8Array | undefined {
  return bytes ?? (tensor.isDisposed ? undefined : tensor.toBytes());
}
