/** `report.html` of an ablation: the table, curves, and generated images of all variants. */
import { join } from "node:path";
import { claim } from "../ablation/contrasts.js";
import { runFolder } from "../ablation/plan.js";
import { type AblationResult, notes } from "../ablation/results.js";
import { measures } from "../ablation/run-figures.js";
import { cellsOf, comparisonCells } from "../ablation/table.js";
import { type Variant, variants } from "../ablation/variants.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { inspect } from "../generation/inspect.js";
import { type Metrics, readMetrics } from "../run/metrics.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { groupBy, mean, partsOf } from "../util/lists.js";
import { curvesOf, type Point } from "./curves.js";
import { dataUrl } from "./image-data.js";
import { realImage } from "./inspection.js";
import { attentionSection, modulationSection, unseenCaptions } from "./model-sections.js";
import { gridOf, html, type ImageRow, pageOf, type Section, tableOf } from "./page.js";
import { pointsOf } from "./training-curves.js";

type Run = AblationResult["runs"][number];

/** Writes `report.html` into the ablation's folder, and returns its path. */
export async function writeAblationReport(out: string, result: AblationResult): Promise<string> {
  const data = openPrepared(result.data);
  try {
    const { steps, rows, runs } = result;
    const sections = [
      tableSection(result),
      ...curveSections(out, runs),
      await gridSection(out, runs, data),
      ...(await inspectionSections(out, runs, data)),
    ];
    const path = join(out, "report.html");
    const lead = `Variants: ${rows.length}; runs: ${runs.length}, of ${steps} steps each, with equal numbers of images per step.`;
    const page = { title: "Ablation", lead, sections: sections.filter((section) => section !== undefined) };
    writeFileAtomic(path, pageOf(page));
    return path;
  } finally {
    data.close();
  }
}

function tableSection({ rows, references, contrasts }: AblationResult): Section {
  const compared = contrasts
    .map(
      ({ one, other, comparisons }) =>
        `<h3>${html(one)} minus ${html(other)}, paired by seed</h3>${tableOf(comparisonCells(comparisons, measures))}`,
    )
    .join("");
  const present = measures.filter(({ name }) => rows.some(({ figures }) => name in figures));
  const tables = partsOf(present, mostColumns).map((part) => tableOf(cellsOf(rows, part, references)));
  return {
    title: "Figures",
    about: "Figures of the averaged generator on captions of the test split.",
    body: `${tables.join("")}${compared}${notes.map((note) => `<p>${html(note)}</p>`).join("")}`,
  };
}

/** Most measures per table, so that it fits on printed paper. */
const mostColumns = 7;

/**
 * One section per group of variants, so that figures have few lines. Every group includes the full method.
 */
function curveSections(out: string, runs: readonly Run[]): Section[] {
  const groups: { title: string; of: Variant["among"]; least: number }[] = [
    { title: "Over the steps: the parts", of: "parts", least: 1 },
    { title: "Over the steps: pairs and the contrastive loss", of: "pairs", least: 2 },
    { title: "Over the steps: forms and constants of the contrastive loss", of: "constants", least: 2 },
  ];
  return groups.flatMap(({ title, of, least }): Section[] => {
    const lines = variants
      .filter(({ name, among }) => among === of || name === claim.full)
      .map(({ name }) => ({ name, runs: runs.filter(({ variant }) => variant === name) }))
      .filter((variant) => variant.runs.length > 0)
      .map(({ name, runs }) => ({
        name,
        metrics: runs.map(({ variant, seed }) =>
          readMetrics(join(runFolder(out, variant, seed), "metrics.jsonl")),
        ),
      }));
    if (lines.length < least) return [];
    const terms = new Set(
      lines.flatMap(({ metrics }) => metrics.flat().flatMap((line) => Object.keys(line))),
    );
    terms.delete("step");
    const figures = [...terms].map((term) => ({
      title: term,
      lines: lines.map(({ name, metrics }) => ({ name, points: meanOver(metrics, term) })),
    }));
    return [{ title, about: "Means over seeds.", body: curvesOf(figures) }];
  });
}

/** Mean of a metric over runs, per step. */
function meanOver(metrics: readonly Metrics[][], name: string): Point[] {
  const byStep = groupBy(
    metrics.flatMap((own) => pointsOf(own, name)),
    ({ step }) => step,
  );
  const points = [...byStep].map(([step, own]) => ({ step, value: mean(own.map(({ value }) => value)) }));
  return points.sort((a, b) => a.step - b.step);
}

/** One row per caption, one column per variant (its first seed), all with the same noise. */
async function gridSection(out: string, runs: readonly Run[], data: Prepared): Promise<Section | undefined> {
  const firsts = variants.flatMap(({ name }) => runs.find(({ variant }) => variant === name) ?? []);
  if (firsts.length === 0) return undefined;
  const choices = unseenCaptions(data, 10, 0);
  const columns = await Promise.all(
    firsts.map(({ variant, seed }) => {
      const imageGenerator = new ImageGenerator(runFolder(out, variant, seed));
      return Promise.all(
        choices.map(async ({ text }, i) => {
          const [generated] = imageGenerator.generate([text], { seed: i });
          return { image: await dataUrl(generated!.stages.at(-1)!) };
        }),
      );
    }),
  );
  const rows = choices.map(
    async ({ text, image }, i): Promise<ImageRow> => ({
      title: text,
      images: [
        { image: await dataUrl(realImage(data, "test", image)) },
        ...columns.map((column) => column[i]),
      ],
    }),
  );
  return {
    title: "The same captions and noise, generated by each variant",
    about: "The first seed of each variant.",
    body: gridOf(["real", ...firsts.map(({ variant }) => variant)], await Promise.all(rows)),
  };
}

/** Attention and modulation of the first run of the full method. */
async function inspectionSections(
  out: string,
  runs: readonly Run[],
  data: Prepared,
): Promise<(Section | undefined)[]> {
  const full = runs.find(({ variant }) => variant === claim.full);
  if (!full) return [];
  const imageGenerator = new ImageGenerator(runFolder(out, full.variant, full.seed));
  const inspected = unseenCaptions(data, 4, 0).map(({ text }, i) => inspect(imageGenerator, text, i));
  return [await attentionSection(inspected), await modulationSection(inspected)];
}
