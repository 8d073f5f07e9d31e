/** What an ablation reads of a run that was trained and evaluated. */
import { resolve } from "node:path";
import { withoutDamsm } from "../evaluation/measure.js";
import { readEvaluation } from "../evaluation/read-evaluation.js";
import { type FigureName, figureKinds, type NetworkName } from "../evaluation/result.js";
import { readScalars } from "../run/read-events.js";
import type { Measure } from "./table.js";

/** All that runs may be compared by, in the order of the table's columns. */
export const measures: readonly Measure[] = [
  { name: "parameters", title: "parameters of the generator", tested: false },
  { name: "secondsPerStep", title: "seconds a step", better: "lower", tested: false },
  ...Object.entries(figureKinds).map(([name, { title, better }]) => ({
    ...{ name, title, better: better === "neither" ? undefined : better },
  })),
];

/** What all runs of an ablation are measured by; figures of anything else would not compare. */
export interface EvaluationSetting {
  steps: number;
  /** The prepared folder. */
  data: string;
  /** Captions drawn. */
  images: number;
  /** SHA-256 of the weights of the networks that look at images. */
  networks: Partial<Record<NetworkName, string>>;
}

/** Whether the run was evaluated so. */
export function isEvaluated(folder: string, { steps, data, images, networks }: EvaluationSetting): boolean {
  const found = readEvaluation(folder);
  if (!found) return false;
  const names = Object.keys({ ...networks, ...found.networks }) as NetworkName[];
  const tooFew = found.leftOut.some(({ metric, why }) => metric === "rPrecision" && why !== withoutDamsm);
  return (
    found.step === steps &&
    found.seed === 0 &&
    found.images === images &&
    resolve(found.data.folder) === resolve(data) &&
    names.every((name) => found.networks[name]?.sha256 === networks[name] || (name === "damsm" && tooFew))
  );
}

/** The figures of a run that was evaluated, but for its parameters. */
export function runFigures(folder: string): Record<string, number> {
  const seconds = median(readScalars(folder, "seconds/step").map(({ value }) => value));
  return { ...(seconds !== undefined && { secondsPerStep: seconds }), ...evaluated(folder, "generated") };
}

/** What real images, or chance, come to by the same measures: the same for every run but for what is drawn at random. */
export function evaluated(folder: string, what: "generated" | "real" | "chance"): Record<string, number> {
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
