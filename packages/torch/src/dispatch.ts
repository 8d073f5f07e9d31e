/**
 * The generic call: every operator of libtorch by its name and overload, with gradients.
 * Signatures are PyTorch's own (`native_functions.yaml`); `schema("add.Tensor")` prints one.
 */
import { native } from "./native.js";
import { recorder } from "./recording.js";

const indexes = new Map<string, number>();

function indexOf(name: string): number {
  let index = indexes.get(name);
  if (index === undefined) {
    if (typeof name !== "string")
      throw new TypeError(`call: expected an operator's name, found ${String(name)}`);
    index = native.operator(name.includes("::") ? name : `aten::${name}`);
    indexes.set(name, index);
  }
  return index;
}

/**
 * Calls an operator, `call("add.Tensor", x, y)`. Arguments are positional; those left out or `undefined` get their
 * defaults. Tensors, numbers, booleans, strings, generators (their `native`) and arrays are converted by the schema;
 * dtypes, devices and memory formats are strings.
 * Throws a `TypeError` for arguments of the wrong kind and an `Error` with libtorch's message otherwise; both name the
 * operator and the shapes it was given.
 */
export function call<Result>(name: string, ...values: unknown[]): Result {
  const result = native.call(indexOf(name), ...values) as Result;
  recorder?.called(name, values, result);
  return result;
}

/** The signature of an operator, in libtorch's notation. */
export function schema(name: string): string {
  return native.schema(indexOf(name));
}
