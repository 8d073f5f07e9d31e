import { readMetrics } from "./metrics.js";

export interface Best {
  step: number;
  value: number;
}

/** The better of both, the earlier of equal ones; what is not finite is never best. */
export function betterOf(best: Best | undefined, other: Best, better: "higher" | "lower"): Best | undefined {
  if (!Number.isFinite(other.value)) return best;
  if (best === undefined) return other;
  return (better === "higher" ? other.value > best.value : other.value < best.value) ? other : best;
}

/** The best of one figure that a `metrics.jsonl` has. */
export function bestIn(metrics: string, name: string, better: "higher" | "lower"): Best | undefined {
  return readMetrics(metrics).reduce<Best | undefined>((best, { step, [name]: value }) => {
    return typeof value === "number" ? betterOf(best, { step, value }, better) : best;
  }, undefined);
}
