/** What an ablation's folder has come to: `ablation.json` for programs, `ablation.md` for people. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scope } from "@sdgan/torch";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { openRun } from "../run/run-folder.js";
import { onDisk } from "../system-errors.js";
import { makeGenerator } from "../training/gan-trainee.js";
import { evaluated, figuresOf, isEvaluated, measures } from "./measures.js";
import {
  type Comparison,
  cellsOf,
  compare,
  comparisonCells,
  type MeasuredRun,
  markdownTable,
  type Reference,
  type Row,
  rowsOf,
} from "./table.js";
import { variants } from "./variants.js";

export interface AblationResult {
  /** Steps of every run. */
  steps: number;
  /** The prepared folder. */
  data: string;
  /** The run folder that has the reader, where there is one. */
  reader?: string;
  runs: (MeasuredRun & { folder: string })[];
  rows: Row[];
  /** What real pictures and chance come to. */
  references: Reference[];
  /** Full SD-GAN less the baseline. */
  comparisons: Comparison[];
}

/** The two that the claim is about. */
export const claim = { full: "full", baseline: "baseline" } as const;

/**
 * Gathers all runs in `out` that were evaluated after `steps` steps, those of earlier calls too, and writes
 * `ablation.json` and `ablation.md`.
 * @param equal variants that the configuration makes another one's equal
 */
export function gatherResults(
  out: string,
  { steps, data, reader }: Pick<AblationResult, "steps" | "data" | "reader">,
  equal: ReadonlyMap<string, string>,
): AblationResult {
  const runs = variants.flatMap(({ name }) => runsOf(out, name, steps));
  const rows = rowsOf(variants, runs, equal);
  const comparisons = compare(measures, runs, claim.full, claim.baseline);
  const references = referencesOf(runs[0]?.folder);
  const result = { steps, data, ...(reader && { reader }), runs, rows, references, comparisons };
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
    throw new UserError(`${path}: there is no such file: sdgan ablate --out ${out} … writes it`);
  return JSON.parse(onDisk(path, () => readFileSync(path, "utf8"))) as AblationResult;
}

const jsonFile = "ablation.json";

/** What has to be known of the figures, under both tables. */
export const notes = [
  "± is the sample deviation over seeds (n − 1). The best mean is bold. Seconds a step are the median over all steps.",
  "p is that of the exact two-sided sign-flip test on pairs of one seed: with n pairs it cannot go below 2 / 2ⁿ, whatever the difference.",
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

function runsOf(out: string, variant: string, steps: number): AblationResult["runs"] {
  const parent = join(out, "runs", variant);
  if (!existsSync(parent)) return [];
  const names = onDisk(parent, () => readdirSync(parent));
  return names.flatMap((name) => {
    const [, seed] = /^seed-(\d+)$/.exec(name) ?? [];
    if (seed === undefined) return [];
    const folder = join(parent, name);
    if (!isEvaluated(folder, steps)) return [];
    const figures = { parameters: parametersOf(folder), ...figuresOf(folder) };
    return [{ variant, seed: Number(seed), folder, figures }];
  });
}

function referencesOf(folder: string | undefined): Reference[] {
  if (folder === undefined) return [];
  const references = [
    { title: "real pictures", figures: evaluated(folder, "real") },
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
