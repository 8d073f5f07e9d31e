import { readMetrics } from "./metrics.js";

/** The best value of a figure so far, and its step. */
export interface Best {
  step: number;
  value: number;
}

/** The better of two values, the first if they are equal. Values that are not finite are ignored. */
export function betterOf(best: Best | undefined, other: Best, better: "higher" | "lower"): Best | undefined {
  if (!Number.isFinite(other.value)) return best;
  if (best === undefined) return other;
  return (better === "higher" ? other.value > best.value : other.value < best.value) ? other : best;
}

/** The best value of one figure in a `metrics.jsonl`; undefined if it has none. */
export function bestIn(metrics: string, name: string, better: "higher" | "lower"): Best | undefined {
  return readMetrics(metrics).reduce<Best | undefined>((best, { step, [name]: value }) => {
    return typeof value === "number" ? betterOf(best, { step, value }, better) : best;
  }, undefined);
}
