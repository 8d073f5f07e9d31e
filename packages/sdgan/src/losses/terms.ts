/** A loss as a list of named, weighted terms: what is minimized, what is logged, and what a test can hold. */
import type { Tensor } from "@sdgan/torch";

export interface LossTerm {
  /** As in `metrics.jsonl`: "fake", "damsm/words". */
  name: string;
  /** The term by itself: one number. */
  value: Tensor;
  /** Its factor in the sum. */
  weight: number;
}

/** Σ weight · value. */
export function weightedSum(terms: readonly LossTerm[]): Tensor {
  const [first, ...rest] = terms.map(({ value, weight }) => (weight === 1 ? value : value.mul(weight)));
  if (!first) throw new RangeError("a loss needs at least one term");
  return rest.reduce((sum, term) => sum.add(term), first);
}

/** The terms under a longer name: "real" under "discriminator/stage1" is "discriminator/stage1/real". */
export function under(prefix: string, terms: readonly LossTerm[]): LossTerm[] {
  return terms.map((term) => ({ ...term, name: `${prefix}/${term.name}` }));
}

/** The values by name, free of the graph: for the log. */
export function valuesOf(terms: readonly LossTerm[]): Record<string, Tensor> {
  return Object.fromEntries(terms.map(({ name, value }) => [name, value.detach()]));
}
