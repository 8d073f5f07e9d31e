/** What an ablation reads of a run that was trained and evaluated. */
import { readEvaluation } from "../evaluation/read-evaluation.js";
import { type FigureName, figureKinds } from "../evaluation/result.js";
import { readScalars } from "../run/read-events.js";
import type { Measure } from "./table.js";

/** All that runs may be compared by, in the order of the table's columns. */
export const measures: readonly Measure[] = [
  { name: "parameters", title: "parameters of the generator" },
  { name: "secondsPerStep", title: "seconds a step", better: "lower" },
  ...Object.entries(figureKinds).map(([name, { title, better }]) => ({
    ...{ name, title, better: better === "neither" ? undefined : better },
  })),
];

/** Whether the run was evaluated after step `step`. */
export function isEvaluated(folder: string, step: number): boolean {
  return readEvaluation(folder)?.step === step;
}

/** The figures of a run that was evaluated, but for its parameters. */
export function figuresOf(folder: string): Record<string, number> {
  const seconds = median(readScalars(folder, "seconds/step").map(({ value }) => value));
  return { ...(seconds !== undefined && { secondsPerStep: seconds }), ...evaluated(folder, "drawn") };
}

/** What real pictures, or chance, come to by the same measures: the same for every run but for what is drawn at random. */
export function evaluated(folder: string, what: "drawn" | "real" | "chance"): Record<string, number> {
  const figures = readEvaluation(folder)?.figures ?? {};
  return Object.fromEntries(
    (Object.keys(figureKinds) as FigureName[]).flatMap((name) => {
      const value = figures[name]?.[what];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Of time: a pause of the machine is not the method's. */
function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
