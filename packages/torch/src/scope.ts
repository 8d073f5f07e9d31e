/**
 * libtorch's memory is invisible to JavaScript's garbage collector, so tensors live in scopes: what is made inside
 * one is freed when it ends, but for what it returns. A training step is one scope.
 */
import { native } from "./native.js";

const scopes: object[][] = [];

/** Called for every new tensor: the innermost open scope owns it, or else the garbage collector. */
export function register(tensor: object): void {
  const innermost = scopes.at(-1);
  if (innermost) innermost.push(tensor);
  else native.account(tensor);
}

/**
 * Runs `fn` and frees every tensor made meanwhile, except those in its result (a tensor, or arrays, plain objects
 * and maps of them), which the surrounding scope takes over, and those given to `keep`.
 * Throws a `TypeError` when `fn` is asynchronous: what an interleaved task makes would be freed too.
 */
export function scope<T>(fn: () => T): T {
  const made: object[] = [];
  scopes.push(made);
  let survivors: Set<object> | undefined;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new TypeError("scope: its function is asynchronous; await outside, and make tensors inside");
    }
    survivors = new Set();
    collect(result, survivors);
    return result;
  } finally {
    scopes.pop();
    for (const tensor of made) {
      if (survivors?.has(tensor)) register(tensor);
      else native.dispose(tensor);
    }
  }
}

/** Takes tensors out of every open scope: they live until `dispose()`, or until they are collected. */
export function keep<T>(value: T): T {
  const tensors = new Set<object>();
  collect(value, tensors);
  for (const tensor of tensors) {
    const owner = scopes.find((made) => made.includes(tensor));
    if (owner) {
      owner.splice(owner.indexOf(tensor), 1);
      native.account(tensor);
    }
  }
  return value;
}

/** Finds the tensors in a value. */
function collect(value: unknown, into: Set<object>): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof native.Tensor) {
    into.add(value);
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, into);
  } else if (value instanceof Map) {
    for (const item of value.values()) collect(item, into);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) collect(item, into);
  }
}
