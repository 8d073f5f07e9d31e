/** What an ablation reads of a run that was trained and evaluated. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Evaluation } from "../evaluation/evaluate.js";
import { readScalars } from "../run/read-events.js";
import type { Measure } from "./table.js";

/** All that runs may be compared by, in the order of the table's columns. */
export const measures: readonly Measure[] = [
  { name: "parameters", title: "parameters of the generator" },
  { name: "secondsPerStep", title: "seconds a step", better: "lower" },
  { name: "reader", title: "reader's score", better: "higher" },
];

/** The run's figures but for its parameters; undefined where it was not evaluated after step `step`. */
export function figuresOf(folder: string, step: number): Record<string, number> | undefined {
  const evaluation = evaluationOf(folder);
  if (evaluation?.step !== step) return undefined;
  const seconds = median(readScalars(folder, "seconds/step").map(({ value }) => value));
  return {
    ...(seconds !== undefined && { secondsPerStep: seconds }),
    reader: evaluation.generated.accuracy,
  };
}

function evaluationOf(folder: string): Evaluation | undefined {
  const path = join(folder, "evaluation.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Evaluation) : undefined;
}

/** Of time: a pause of the machine is not the method's. */
function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
