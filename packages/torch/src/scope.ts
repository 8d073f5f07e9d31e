/**
 * libtorch's memory is invisible to JavaScript's garbage collector, so tensors live in scopes: tensors made inside a
 * scope are freed when it ends, except those it returns. A training step is one scope.
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
 * Runs `fn` and frees every tensor made meanwhile, except those in its result (a tensor, or arrays, plain objects,
 * maps and sets of them), which the surrounding scope takes over, and those given to `keep`.
 * Throws a `TypeError` if `fn` is asynchronous: tensors of an interleaved task would be freed too.
 */
export function scope<T>(fn: () => T): T {
  if (typeof fn !== "function") throw new TypeError(`scope: expected a function, found ${typeof fn}`);
  const made: object[] = [];
  scopes.push(made);
  let survivors: Set<object> | undefined;
  try {
    const result = synchronous("scope", fn());
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
  const found = new Set<object>();
  collect(value, found);
  for (const object of found) {
    const owner = scopes.findLast((made) => made.includes(object));
    if (!owner) continue;
    owner.splice(owner.lastIndexOf(object), 1);
    native.account(object);
  }
  return value;
}

/** Returns `result`, unless it is a promise: before it settles, the set-up for `fn` has ended. */
export function synchronous<T>(name: string, result: T): T {
  if (!(result instanceof Promise)) return result;
  // The rest of it may fail because its tensors are freed; the error below gives the cause.
  result.catch(() => {});
  throw new TypeError(`${name}: its function is asynchronous; await outside, and make tensors inside`);
}

/** Finds the tensors in a value, and every container on the way. */
function collect(value: unknown, into: Set<object>): void {
  if (typeof value !== "object" || value === null || into.has(value)) return;
  into.add(value);
  if (value instanceof native.Tensor) return;
  if (value instanceof Map || value instanceof Set) {
    for (const item of value.values()) collect(item, into);
  } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
    // By own keys, a sparse array is short whatever its length.
    for (const item of Object.values(value)) collect(item, into);
  }
}
