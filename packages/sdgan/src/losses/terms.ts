/** A loss as a list of named, weighted terms, which are minimized, logged and tested. */
import { stack, type Tensor } from "@sdgan/torch";

export interface LossTerm {
  /** The name in `metrics.jsonl`: "fake", "damsm/words". */
  name: string;
  /** The term without its weight: a scalar. */
  value: Tensor;
  /** Its factor in the sum. */
  weight: number;
}

/** Σ weight · value. */
export function weightedSum(terms: readonly LossTerm[]): Tensor {
  if (terms.length === 0) throw new RangeError("a loss needs at least one term");
  const byWeight = new Map<number, Tensor[]>(); // A step has dozens of terms with few weights.
  for (const { value, weight } of terms) byWeight.set(weight, [...(byWeight.get(weight) ?? []), value]);
  const sums = [...byWeight].map(([weight, values]) => {
    const sum = values.length === 1 ? values[0]! : stack(values).sum();
    return weight === 1 ? sum : sum.mul(weight);
  });
  return sums.reduce((sum, one) => sum.add(one));
}

/** The terms with a prefix added to their names: "real" under "discriminator/stage1" is "discriminator/stage1/real". */
export function under(prefix: string, terms: readonly LossTerm[]): LossTerm[] {
  return terms.map((term) => ({ ...term, name: `${prefix}/${term.name}` }));
}

/** The values by name, detached from the graph, for the log. */
export function valuesOf(terms: readonly LossTerm[]): Record<string, Tensor> {
  return Object.fromEntries(terms.map(({ name, value }) => [name, value.detach()]));
}
