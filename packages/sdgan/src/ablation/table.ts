/**
 * Tables of an ablation: one row per variant, and the significance of the difference between two variants.
 */
import { meanAndSampleDeviation, type PairedTest, signFlipTest } from "./paired-test.js";
import { interval95 } from "./student.js";

/** The better direction of a figure. */
type Direction = "higher" | "lower";

/** A figure that runs are compared by. */
export interface Measure {
  name: string;
  /** Title of its column. */
  title: string;
  /** Absent if neither direction is better. */
  better?: Direction | undefined;
  /** Whether differences are tested for significance; by default true. */
  tested?: boolean;
}

/** The figures of one run. */
export interface MeasuredRun {
  variant: string;
  seed: number;
  /** By names of measures. Figures that could not be computed are absent. */
  figures: Record<string, number>;
}

export interface VariantRow {
  variant: string;
  title: string;
  /** The variant with an equal configuration whose runs these are. */
  sameAs?: string | undefined;
  seeds: number[];
  /** Over seeds, by names of measures. */
  figures: Record<string, { mean: number; deviation: number }>;
}

/** Figures to compare with: of real images, or of chance. */
export interface Reference {
  title: string;
  figures: Record<string, number>;
}

export interface Comparison extends PairedTest {
  measure: string;
  /** The 95 % interval of the mean difference by Student's t; absent for one pair. */
  interval?: [low: number, high: number];
}

/** One row for every variant that has a run. */
export function rowsOf(
  variants: readonly { name: string; title: string }[],
  runs: readonly MeasuredRun[],
  equal: ReadonlyMap<string, string> = new Map(),
): VariantRow[] {
  return variants.flatMap(({ name, title }): VariantRow[] => {
    const sameAs = equal.get(name);
    const own = runs.filter(({ variant }) => variant === (sameAs ?? name)).sort((a, b) => a.seed - b.seed);
    if (own.length === 0) return [];
    const names = [...new Set(own.flatMap(({ figures }) => Object.keys(figures)))];
    const figures = names.map((measure) => {
      const values = own.flatMap((run) => run.figures[measure] ?? []);
      return [measure, meanAndSampleDeviation(values)] as const;
    });
    const seeds = own.map(({ seed }) => seed);
    return [{ variant: name, title, ...(sameAs && { sameAs }), seeds, figures: Object.fromEntries(figures) }];
  });
}

/** Variants with the best mean of a measure: several if equal, none if neither direction is better. */
export function bestOf(rows: readonly VariantRow[], { name, better }: Measure): string[] {
  if (!better) return [];
  const means = rows.flatMap(({ variant, figures }) => {
    const mean = figures[name]?.mean;
    return mean !== undefined && Number.isFinite(mean) ? [{ variant, mean }] : [];
  });
  const values = means.map(({ mean }) => mean);
  const best = better === "higher" ? Math.max(...values) : Math.min(...values);
  return means.filter(({ mean }) => mean === best).map(({ variant }) => variant);
}

/** `one` minus `other`, on the seeds that both have. */
export function compare(
  measures: readonly Measure[],
  runs: readonly MeasuredRun[],
  one: string,
  other: string,
): Comparison[] {
  return measures.flatMap(({ name, tested = true }) => {
    if (!tested) return [];
    const differences = runs
      .filter(({ variant }) => variant === one)
      .flatMap(({ seed, figures }) => {
        const pair = runs.find((run) => run.variant === other && run.seed === seed)?.figures[name];
        const own = figures[name];
        return own !== undefined && pair !== undefined ? [own - pair] : [];
      });
    if (differences.length === 0) return [];
    const interval = interval95(differences);
    return [{ measure: name, ...signFlipTest(differences), ...(interval && { interval }) }];
  });
}

/** Cells of the table: the header row, variants, references. Bold is `**…**`, as in Markdown. */
export function cellsOf(
  rows: readonly VariantRow[],
  measures: readonly Measure[],
  references: readonly Reference[] = [],
): string[][] {
  const present = measures.filter(({ name }) => rows.some(({ figures }) => name in figures));
  const best = new Map(present.map((measure) => [measure.name, bestOf(rows, measure)]));
  const arrow = ({ better }: Measure) => (better ? (better === "higher" ? " ↑" : " ↓") : "");
  return [
    ["variant", "seeds", ...present.map((measure) => measure.title + arrow(measure))],
    ...rows.map(({ variant, title, sameAs, seeds, figures }) => [
      `${variant}: ${title}${sameAs ? ` (equal to ${sameAs})` : ""}`,
      String(seeds.length),
      ...present.map(({ name }) => {
        const figure = figures[name];
        if (!figure) return "–";
        const text = withDeviation(figure, seeds.length > 1);
        return best.get(name)!.includes(variant) ? `**${text}**` : text;
      }),
    ]),
    ...references.map(({ title, figures }) => [
      ...[title, ""],
      ...present.map(({ name }) => {
        const mean = figures[name];
        return mean === undefined ? "–" : withDeviation({ mean, deviation: 0 }, false);
      }),
    ]),
  ];
}

/** Cells of the comparison of two variants, the header row first. */
export function comparisonCells(
  comparisons: readonly Comparison[],
  measures: readonly Measure[],
): string[][] {
  const byName = new Map(measures.map((measure) => [measure.name, measure]));
  return [
    ["figure", "difference", "95 % interval", "effect", "pairs", "p", "smallest possible p"],
    ...comparisons.map(({ measure, n, difference, deviation, interval, p, least }) => [
      byName.get(measure)?.title ?? measure,
      withDeviation({ mean: difference, deviation }, n > 1),
      interval ? intervalText(interval) : "–",
      interval ? effectOf(interval, byName.get(measure)?.better) : "unknown: one pair",
      ...[n, p, least].map((value) => String(Number(value.toPrecision(3)))),
    ]),
  ];
}

/** "no effect detected" if the interval of a difference contains 0, else its direction. */
export function effectOf([low, high]: [low: number, high: number], better?: Direction): string {
  if (!(low > 0 || high < 0)) return noEffect;
  if (!better) return low > 0 ? "higher" : "lower";
  return low > 0 === (better === "higher") ? "better" : "worse";
}

export const noEffect = "no effect detected";

/** Both ends with as many decimal places. */
function intervalText([low, high]: [low: number, high: number]): string {
  const places = placesOf(Math.max(Math.abs(low), Math.abs(high)));
  return `${fixed(low, places)} to ${fixed(high, places)}`;
}

/** Four significant digits. The deviation, if there is one, has as many decimal places. */
function withDeviation({ mean, deviation }: { mean: number; deviation: number }, spread: boolean): string {
  if (!Number.isFinite(mean)) return String(mean);
  const largest = Math.max(Math.abs(mean), Math.abs(deviation));
  const places = Number.isInteger(mean) && !deviation ? 0 : placesOf(largest);
  const text = fixed(mean, places);
  return spread && Number(deviation.toFixed(places)) > 0 ? `${text} ± ${fixed(deviation, places)}` : text;
}

/** Decimal places with which a number of this size has four significant digits; at most six. */
function placesOf(size: number): number {
  return Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.max(size, 1e-6)))));
}

function fixed(value: number, places: number): string {
  return value.toFixed(places).replace("-", "−");
}

/** Formats cells as a Markdown table. */
export function markdownTable(cells: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = cells;
  const line = (row: readonly string[]) =>
    `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rest.map(line)].join("\n");
}
