import { gradOrNull, noGrad, scope, stack, type Tensor } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import type { LossTerm } from "../losses/terms.js";

/**
 * The metrics of one step, by name: scalar tensors on the networks' device, so that the CPU does not wait for a GPU.
 * `docs/training.md` lists the names.
 */
export interface StepMetrics {
  /** Terms that are minimized: training stops if one is not finite. */
  losses: Record<string, Tensor>;
  /** Values that are only measured: NaN if a batch has nothing to measure. */
  statistics: Record<string, Tensor>;
}

/** `StepMetrics` as numbers. */
export interface StepNumbers {
  losses: Record<string, number>;
  statistics: Record<string, number>;
}

/** Reads all losses and statistics at once, so that a GPU is waited for only once. */
export function numbersOf({ losses, statistics }: StepMetrics): StepNumbers {
  const all = { ...losses, ...statistics };
  const values = scope(() => stack(Object.values(all)).toNumbers());
  const numbers = new Map(Object.keys(all).map((name, i) => [name, values[i]!]));
  const named = (tensors: Record<string, Tensor>) =>
    Object.fromEntries(Object.keys(tensors).map((name) => [name, numbers.get(name)!]));
  return { losses: named(losses), statistics: named(statistics) };
}

export function disposeOf({ losses, statistics }: StepMetrics): void {
  for (const value of Object.values({ ...losses, ...statistics })) value.dispose();
}

/** ‖∂(weight · term)/∂images‖ over the images of all stages, for each term that depends on them. */
export function gradientNorms(
  terms: readonly LossTerm[],
  images: readonly Tensor[],
  share: BatchShare = wholeBatch,
): Record<string, Tensor> {
  const norms: Record<string, Tensor> = {};
  for (const { name, value, weight } of terms) {
    const gradients = gradOrNull([value], images, { retainGraph: true }).filter((one) => one !== null);
    if (gradients.length === 0) continue;
    const squares = gradients.map((one) => one.to("float32").square().sum());
    const sum = squares.reduce((total, one) => total.add(one));
    // A term is a mean over the own images, and the mean of all processes' terms is a mean over all images.
    norms[`gradient/${name}`] = noGrad(() => share.sum(sum))
      .sqrt()
      .mul(weight / share.processes);
  }
  return norms;
}

/** Mean of σ(logits), by name; as many logits for each name. */
export function probabilities(prefix: string, logits: Record<string, Tensor>): Record<string, Tensor> {
  return noGrad(() =>
    scope(() => {
      const means = stack(Object.values(logits)).sigmoid().mean(1);
      return Object.fromEntries(
        Object.keys(logits).map((name, i) => [`${prefix}/${name}`, means.select(0, i)]),
      );
    }),
  );
}
