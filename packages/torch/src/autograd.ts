/** Gradients, and the modes in which none are recorded. */
import { native } from "./native.js";
import { synchronous } from "./scope.js";
import type { Tensor } from "./tensor.js";

export interface GradOptions {
  /** Factors of the outputs' gradients; 1 for scalar outputs. */
  gradOutputs?: readonly (Tensor | null)[];
  retainGraph?: boolean;
  /** Record the gradients' own graph, for gradients of gradients. */
  createGraph?: boolean;
}

/** d Σ outputs / d inputs, one per input. Throws if the outputs do not depend on an input. */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): Tensor[] {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  return native.grad(outputs, inputs, gradOutputs, retainGraph, createGraph, false) as Tensor[];
}

/** Like `grad`, but with null for inputs on which the outputs do not depend. */
export function gradOrNull(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  return native.grad(outputs, inputs, gradOutputs, retainGraph, createGraph, true) as (Tensor | null)[];
}

/** A scalar loss, and the tensors for which its gradients are computed. */
export interface LossAndInputs {
  loss: Tensor;
  inputs: readonly Tensor[];
}

/**
 * The gradients of several losses on the CPU, each for its own inputs. The functions compute the losses; this thread calls
 * one after the other. Meanwhile the other threads compute the gradients of the losses that are finished, one thread per
 * loss. Where operators are small, that is faster than dividing each among all threads. Put the slowest loss first.
 *
 * - Inside the functions `threads()` is 1, and operators use this thread alone.
 * - Losses must not share a part of their graphs, and a function must not change tensors that an earlier loss uses.
 * - A loss must not communicate with other processes: they would not all do so in the same order.
 * - A `profile` only has the operators of this thread.
 */
export function gradEach(losses: readonly (() => LossAndInputs)[]): Tensor[][] {
  if (!Array.isArray(losses) || !losses.every((compute) => typeof compute === "function"))
    throw new TypeError("gradEach: expected an array of functions");
  return native.gradEach(losses.map((compute) => () => synchronous("gradEach", compute()))) as Tensor[][];
}

/** Adds d Σ outputs / d leaf to every leaf's `grad`. */
export function backward(outputs: readonly Tensor[], options: GradOptions = {}): void {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  native.backward(outputs, gradOutputs, retainGraph, createGraph);
}

/** Runs `fn` without recording gradients. Like the other modes, it throws a `TypeError` if `fn` is asynchronous. */
export function noGrad<T>(fn: () => T): T {
  return synchronous("noGrad", native.withoutGrad(fn));
}

/** Runs `fn` recording gradients, inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return synchronous("enableGrad", native.withGrad(fn));
}

/** Runs `fn` in inference mode: faster than `noGrad`, but its tensors can never be used in gradients. */
export function inferenceMode<T>(fn: () => T): T {
  return synchronous("inferenceMode", native.inferenceMode(fn));
}

export function isGradEnabled(): boolean {
  return native.isGradEnabled();
}
