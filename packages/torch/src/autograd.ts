/** Gradients, and the modes in which none are recorded. */
import { native } from "./native.js";
import { synchronous } from "./scope.js";
import type { Tensor } from "./tensor.js";

export interface GradOptions {
  /** What to multiply each output's gradient by; ones for a scalar output. */
  gradOutputs?: readonly (Tensor | null)[];
  retainGraph?: boolean;
  /** Record the gradients' own graph, for gradients of gradients. */
  createGraph?: boolean;
}

/** d Σ outputs / d inputs, one for each input. Throws when an input has no part in the outputs. */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): Tensor[] {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  return native.grad(outputs, inputs, gradOutputs, retainGraph, createGraph, false) as Tensor[];
}

/** As `grad`, with null for an input that has no part in the outputs. */
export function gradOrNull(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  return native.grad(outputs, inputs, gradOutputs, retainGraph, createGraph, true) as (Tensor | null)[];
}

/** Adds d Σ outputs / d leaf to every leaf's `grad`. */
export function backward(outputs: readonly Tensor[], options: GradOptions = {}): void {
  const { gradOutputs = null, retainGraph = false, createGraph = false } = options;
  native.backward(outputs, gradOutputs, retainGraph, createGraph);
}

/** Runs `fn` without recording gradients. As the other modes, it throws a `TypeError` when `fn` is asynchronous. */
export function noGrad<T>(fn: () => T): T {
  return synchronous("noGrad", native.withoutGrad(fn));
}

/** Runs `fn` recording gradients, inside `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return synchronous("enableGrad", native.withGrad(fn));
}

/** Runs `fn` in inference mode: faster than `noGrad`, and its tensors can never take part in gradients. */
export function inferenceMode<T>(fn: () => T): T {
  return synchronous("inferenceMode", native.inferenceMode(fn));
}

export function isGradEnabled(): boolean {
  return native.isGradEnabled();
}
