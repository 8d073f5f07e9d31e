/** What an ablation's folder has come to: `ablation.json` for programs, `ablation.md` for people. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { makeGenerator } from "../artifacts/model.js";
import { openRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { onDisk } from "../util/system-errors.js";
import { runFolder } from "./plan.js";
import { type EvaluationSetting, evaluated, isEvaluated, measures, runFigures } from "./run-figures.js";
import {
  type Comparison,
  cellsOf,
  compare,
  comparisonCells,
  type MeasuredRun,
  markdownTable,
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
  /** What real images and chance come to. */
  references: Reference[];
  /** Full SD-GAN less the baseline. */
  comparisons: Comparison[];
}

/** The two that the claim is about. */
export const claim = { full: "full", baseline: "baseline" } as const;

/**
 * Gathers all runs in `out` that were measured by this yardstick, those of earlier calls too, and writes
 * `ablation.json` and `ablation.md`.
 * @param equal variants that the configuration makes another one's equal
 */
export function gatherResults(
  out: string,
  yardstick: EvaluationSetting,
  equal: ReadonlyMap<string, string>,
): AblationResult {
  const { steps, data } = yardstick;
  const runs = seedsIn(out).flatMap(({ variant, seed }): MeasuredRun[] => {
    const folder = runFolder(out, variant, seed);
    if (!isEvaluated(folder, yardstick)) return [];
    return [{ variant, seed, figures: { parameters: parametersOf(folder), ...runFigures(folder) } }];
  });
  const rows = rowsOf(variants, runs, equal);
  const comparisons = compare(measures, runs, claim.full, claim.baseline);
  const [first] = runs;
  const references = first ? referencesOf(runFolder(out, first.variant, first.seed)) : [];
  const result = { steps, data: resolve(data), runs, rows, references, comparisons };
  writeFileAtomic(join(out, jsonFile), `${JSON.stringify(result, null, 2)}\n`);
  writeFileAtomic(join(out, "ablation.md"), inMarkdown(result));
  return result;
}

/**
 * What `gatherResults` wrote last.
 * @throws UserError if there is nothing
 */
export function readResults(out: string): AblationResult {
  const path = join(out, jsonFile);
  if (!existsSync(path))
    throw new UserError(`${path}: there is no such file: sdgan ablate --out ${out} … writes it`, {
      code: "file.missing",
    });
  const text = onDisk(path, () => readFileSync(path, "utf8"));
  try {
    return JSON.parse(text) as AblationResult;
  } catch (error) {
    throw new UserError(
      `${path}: is damaged (${(error as Error).message}): the sdgan ablate command that wrote it makes it anew`,
      { code: "file.invalid" },
    );
  }
}

const jsonFile = "ablation.json";

/** What has to be known of the figures, under both tables. */
export const notes = [
  "± is the sample deviation over seeds (n − 1). The best mean is bold. Seconds a step are the median over all steps.",
  "p is that of the exact two-sided sign-flip test on pairs of one seed: with n pairs it cannot go below 2 / 2ⁿ, whatever the difference. " +
    "Every figure is tested, and p is not corrected for that: of twenty figures without a difference, one has p ≤ 0.05 by chance.",
];

function inMarkdown({ rows, references, comparisons, steps }: AblationResult): string {
  const compared =
    comparisons.length > 0
      ? [`\n${claim.full} less ${claim.baseline}, seed by seed:\n`]
          .concat(markdownTable(comparisonCells(comparisons, measures)))
          .concat("")
      : [];
  return [
    `After ${steps} steps:\n`,
    markdownTable(cellsOf(rows, measures, references)),
    ...compared,
    ...notes.map((note) => `\n${note}`),
    "",
  ].join("\n");
}

/** All runs that there are folders of. */
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

/** Numbers that are trained, in the generator: what draws. */
function parametersOf(folder: string): number {
  return scope(() =>
    makeGenerator(openRun(folder).config)
      .parameters()
      .reduce((sum, parameter) => sum + parameter.shape.reduce((size, side) => size * side, 1), 0),
  );
}
