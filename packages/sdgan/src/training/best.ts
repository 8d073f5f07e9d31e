/** The best checkpoint of a run: the one whose evaluation's figure is best. */
import { UserError } from "@sdgan/core";
import { figureKinds } from "../evaluation/result.js";
import { readMetrics } from "../run/metrics.js";
import type { RunFolder } from "../run/run-folder.js";

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

/**
 * The step of a run's best checkpoint, by the figure that its configuration names.
 * @throws UserError if it was not evaluated while it was trained
 */
export function bestStep({ path, metrics, config }: RunFolder): number {
  const { best } = config.evaluate;
  for (const network of ["attributeClassifier", "damsm"]) {
    const found = bestIn(metrics, `${network}/${best}`, figureKinds[best].better);
    if (found) return found.step;
  }
  throw new UserError(
    `${path}: has no best checkpoint, since it was not evaluated while it was trained: ` +
      "take the newest model, or train with --set evaluate.every=500",
    { code: "file.missing" },
  );
}
