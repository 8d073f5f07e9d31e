import type { Curve } from "../engine/runs.js";

/** Curves over their common steps, as uPlot takes them: the steps, then each curve with null where it has no value. */
export function aligned(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const columns = curves.map((curve) => {
    const byStep = new Map(curve.steps.map((step, i) => [step, curve.values[i]!]));
    return steps.map((step) => byStep.get(step) ?? null);
  });
  return [steps, ...columns];
}
