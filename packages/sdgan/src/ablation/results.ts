/** Results of an ablation: `ablation.json` for programs, `ablation.md` for readers. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { makeGenerator } from "../artifacts/model.js";
import { openRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { onDisk } from "../util/system-errors.js";
import { type Contrast, type ContrastNames, contrastsOf } from "./contrasts.js";
import { runFolder } from "./plan.js";
import { type EvaluationSetting, evaluated, isEvaluated, measures, runFigures } from "./run-figures.js";
import {
  cellsOf,
  comparisonCells,
  type MeasuredRun,
  markdownTable,
  noEffect,
  type Reference,
  rowsOf,
  type VariantRow,
} from "./table.js";
import { variants } from "./variants.js";

export interface AblationResult {
  /** Steps of every run. */
  steps: number;
  /** The prepared folder. */
  data: string;
  runs: MeasuredRun[];
  rows: VariantRow[];
  /** Figures of real images and of chance. */
  references: Reference[];
  /** Differences between variants, paired by seed. */
  contrasts: Contrast[];
}

/**
 * Gathers all runs in `out` that were evaluated with this setting, including those of earlier calls, and
 * writes `ablation.json` and `ablation.md`.
 * @param equal result of `equalVariants`
 * @param contrasts result of `contrastsToReport`
 */
export function gatherResults(
  out: string,
  setting: EvaluationSetting,
  { equal, contrasts: names }: { equal: ReadonlyMap<string, string>; contrasts: readonly ContrastNames[] },
): AblationResult {
  const { steps, data } = setting;
  const runs = seedsIn(out).flatMap(({ variant, seed }): MeasuredRun[] => {
    const folder = runFolder(out, variant, seed);
    if (!isEvaluated(folder, setting)) return [];
    return [{ variant, seed, figures: { parameters: parametersOf(folder), ...runFigures(folder) } }];
  });
  const rows = rowsOf(variants, runs, equal);
  const contrasts = contrastsOf(runs, names, equal);
  const [first] = runs;
  const references = first ? referencesOf(runFolder(out, first.variant, first.seed)) : [];
  const result = { steps, data: resolve(data), runs, rows, references, contrasts };
  writeFileAtomic(join(out, jsonFile), `${JSON.stringify(result, null, 2)}\n`);
  writeFileAtomic(join(out, "ablation.md"), inMarkdown(result));
  return result;
}

/**
 * Reads the results that `gatherResults` wrote. A file of an earlier version has no contrasts.
 * @throws UserError if there are none, or they are damaged
 */
export function readResults(out: string): AblationResult {
  const path = join(out, jsonFile);
  if (!existsSync(path))
    throw new UserError(`${path}: there is no such file: sdgan ablate --out ${out} … writes it`, {
      code: "file.missing",
    });
  const text = onDisk(path, () => readFileSync(path, "utf8"));
  try {
    const result = JSON.parse(text) as Omit<AblationResult, "contrasts"> & Partial<AblationResult>;
    return { ...result, contrasts: result.contrasts ?? [] };
  } catch (error) {
    throw new UserError(
      `${path}: is damaged (${(error as Error).message}): run the sdgan ablate command that wrote it again`,
      { code: "file.invalid" },
    );
  }
}

const jsonFile = "ablation.json";

/** Notes for readers of the tables. */
export const notes = [
  "± is the sample deviation over seeds (n − 1). The best mean is bold. Seconds per step are the median over all steps.",
  "Differences are paired by seed. The 95 % interval of their mean is Student's t with n − 1 degrees of freedom for n pairs. " +
    `"${noEffect}": the interval contains 0. The effect may still be as large as the interval's ends.`,
  "p is the two-sided p value of the exact sign-flip test on pairs of runs with the same seed. With n pairs its smallest possible value is 2 / 2ⁿ. " +
    "Neither p nor the intervals are corrected for the number of figures: of twenty figures without a difference, one is " +
    "expected to have an interval without 0 by chance.",
];

function inMarkdown({ rows, references, contrasts, steps }: AblationResult): string {
  const compared = contrasts.flatMap(({ one, other, comparisons }) => [
    `\n${one} minus ${other}, paired by seed:\n`,
    markdownTable(comparisonCells(comparisons, measures)),
  ]);
  return [
    `After ${steps} steps:\n`,
    markdownTable(cellsOf(rows, measures, references)),
    ...compared,
    "",
    ...notes.map((note) => `\n${note}`),
    "",
  ].join("\n");
}

/** All runs whose folders exist. */
export function seedsIn(out: string): { variant: string; seed: number }[] {
  return variants.flatMap(({ name }) => {
    const parent = join(out, "runs", name);
    if (!existsSync(parent)) return [];
    const seeds = onDisk(parent, () => readdirSync(parent)).flatMap((entry) =>
      /^seed-\d+$/.test(entry) ? [Number(entry.slice("seed-".length))] : [],
    );
    return seeds.sort((a, b) => a - b).map((seed) => ({ variant: name, seed }));
  });
}

function referencesOf(folder: string): Reference[] {
  const references = [
    { title: "real images", figures: evaluated(folder, "real") },
    { title: "chance", figures: evaluated(folder, "chance") },
  ];
  return references.filter(({ figures }) => Object.keys(figures).length > 0);
}

/** Number of trained parameters of the generator. */
function parametersOf(folder: string): number {
  return scope(() =>
    makeGenerator(openRun(folder).config)
      .parameters()
      .reduce((sum, parameter) => sum + parameter.shape.reduce((size, side) => size * side, 1), 0),
  );
}
