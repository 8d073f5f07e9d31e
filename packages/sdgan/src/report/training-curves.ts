/** The charts of a training: what evaluations during training measured, then losses. */
import { measurementPlace } from "@sdgan/core";
import type { Metrics } from "../run/metrics.js";
import type { Curve, Point } from "./curves.js";

export interface TrainingChart {
  title: string;
  lines: Curve[];
}

/**
 * A chart per figure with a line per feature network, and the discriminators' answers for images that they have and have
 * not seen; then a chart per loss with a line per stage.
 */
export function trainingCharts(metrics: readonly Metrics[]): TrainingChart[] {
  const charts = new Map<string, TrainingChart & { order: number }>();
  for (const name of new Set(metrics.flatMap((line) => Object.keys(line)))) {
    if (name === "step") continue;
    const { chart: title, curve, order } = measurementPlace(name) ?? lossPlace(name);
    const chart = charts.get(title) ?? { title, lines: [], order };
    charts.set(title, chart);
    chart.lines.push({ name: curve, points: pointsOf(metrics, name) });
  }
  return [...charts.values()].sort((a, b) => a.order - b.order).map(({ title, lines }) => ({ title, lines }));
}

/** `discriminator/stage2/real` → the line `stage2` of `discriminator/real`. Losses come last, in their own order. */
function lossPlace(name: string) {
  const [, before = "", stage = name, after = ""] = /^(.+)\/(stage\d+)(\/.+)?$/.exec(name) ?? [];
  return { chart: before ? before + after : name, curve: stage, order: Number.MAX_SAFE_INTEGER };
}

/** A metric's values, at the steps that have one. */
export function pointsOf(metrics: readonly Metrics[], name: string): Point[] {
  return metrics.flatMap(({ step, [name]: value }) => (typeof value === "number" ? [{ step, value }] : []));
}
