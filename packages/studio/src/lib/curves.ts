/** Which curves a training has, and in which charts they are shown. */
import { measurementPlace } from "@sdgan/core/basics";
import type { MetricsRow } from "../engine/runs.js";

/** A curve: values over steps, without the steps that do not have it. */
export interface Curve {
  name: string;
  steps: number[];
  values: number[];
}

/** Charts by title. */
export interface Charts {
  losses: Map<string, Curve[]>;
  /** What an evaluation during training measures, as the report has it: a chart per figure, a curve per network. */
  measurements: Map<string, Curve[]>;
}

export function chartsOf(rows: readonly MetricsRow[]): Charts {
  const curves = curvesOf(rows);
  const placed = curves.flatMap((curve) => {
    const place = measurementPlace(curve.name);
    return place ? [{ ...place, curve: { ...curve, name: place.curve } }] : [];
  });
  placed.sort((a, b) => a.order - b.order);
  const measurements = new Map<string, Curve[]>();
  for (const { chart, curve } of placed) measurements.set(chart, [...(measurements.get(chart) ?? []), curve]);
  return { losses: lossCharts(curves.filter(({ name }) => !measurementPlace(name))), measurements };
}

function curvesOf(rows: readonly MetricsRow[]): Curve[] {
  const curves = new Map<string, Curve>();
  for (const { step, ...values } of rows)
    for (const [name, value] of Object.entries(values)) {
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      const curve = curves.get(name) ?? { name, steps: [], values: [] };
      curves.set(name, curve);
      curve.steps.push(step);
      curve.values.push(value);
    }
  return [...curves.values()];
}

/**
 * Losses by group: the first part of their names, or the first two if that are many. Sums of losses are larger than
 * their terms; they are groups of their own, and come first. So are curves beside which the others would look flat.
 */
function lossCharts(curves: readonly Curve[]): Map<string, Curve[]> {
  const groups = grouped(curves, (name) => groupOf(name, 1));
  for (const [group, members] of [...groups])
    if (members.length > MOST_CURVES && !group.endsWith(SUM)) {
      groups.delete(group);
      for (const [part, some] of grouped(members, (name) => groupOf(name, 2))) groups.set(part, some);
    }
  for (const [group, members] of [...groups])
    for (const curve of tooLarge(members)) {
      groups.set(
        group,
        groups.get(group)!.filter((other) => other !== curve),
      );
      groups.set(curve.name, [curve]);
    }
  const isSum = ([group]: [string, Curve[]]) => (group.endsWith(SUM) ? 0 : 1);
  return new Map([...groups].sort((a, b) => isSum(a) - isSum(b)));
}

/** The curves whose largest value is many times that of most others. */
function tooLarge(curves: readonly Curve[]): Curve[] {
  const sizeOf = ({ values }: Curve) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const middle = curves.map(sizeOf).sort((a, b) => a - b)[Math.floor(curves.length / 2)] ?? 0;
  return middle > 0 ? curves.filter((curve) => sizeOf(curve) > MANY_TIMES * middle) : [];
}

const MANY_TIMES = 20;

/** Curves that a chart can show and a reader tell apart. */
const MOST_CURVES = 8;

const SUM = " (sum)";

/** The group of curves whose names have no parts, such as DAMSM's losses. */
export const OTHER = "other";

/** `a/b/c` → `a` or `a/b`, and `a (sum)` for `a/b/sum`. */
function groupOf(name: string, depth: number): string {
  const parts = name.split("/");
  if (parts.length < 2) return OTHER;
  if (parts.at(-1) === "sum") return parts[0] + SUM;
  return parts.slice(0, Math.min(depth, parts.length - 1)).join("/");
}

function grouped(curves: readonly Curve[], keyOf: (name: string) => string): Map<string, Curve[]> {
  const groups = new Map<string, Curve[]>();
  for (const curve of curves) {
    const key = keyOf(curve.name);
    groups.set(key, [...(groups.get(key) ?? []), curve]);
  }
  return groups;
}

/** Curves over their common steps, as uPlot takes them: the steps, then each curve with null where it has no value. */
export function aligned(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const columns = curves.map((curve) => {
    const byStep = new Map(curve.steps.map((step, i) => [step, curve.values[i]!]));
    return steps.map((step) => byStep.get(step) ?? null);
  });
  return [steps, ...columns];
}
