import { type FigureName, figureKinds } from "@sdgan/core/basics";
import type { Evaluation, Figure, NetworkName } from "../evaluation/result.js";

/** An evaluation as lines of text: a table of figures, then the networks and the skipped metrics. */
export function evaluationLines(result: Evaluation): string[] {
  const figures = Object.entries(result.figures) as [FigureName, Figure][];
  const { attributeAccuracy } = result.figures;
  return [
    `${result.run} at step ${result.step}: images generated from ${result.images} captions, compared with ` +
      `${result.realImages} real images of ${result.data.folder} (test split), at ${result.size} pixels, seed ${result.seed}`,
    "",
    ...table([
      ["", "generated", "", "real", "chance", "better", "network", "count"],
      ...figures.map(([name, figure]) => rowOf(name, figure)),
    ]),
    ...(attributeAccuracy?.byAttribute
      ? ["", `Attribute accuracy by attribute: ${sharesOf(attributeAccuracy.byAttribute)}`]
      : []),
    "",
    ...Object.entries(result.networks).map(
      ([name, { name: title, file, sha256, features, width, resize }]) =>
        `${name}: ${title}, ${file} (SHA-256 ${sha256.slice(0, 8)}…); ${width} features: ${features}; resize: ${resize}`,
    ),
    ...(result.leftOut.length > 0
      ? ["Skipped metrics:", ...result.leftOut.map(({ metric, why }) => `  ${metric} ${why}`)]
      : []),
    `Image grid: ${result.grid}`,
  ];
}

function rowOf(name: FigureName, figure: Figure): string[] {
  const { title, better } = figureKinds[name];
  const { generated, deviation, real, chance, network, count, parts, candidates } = figure;
  const of = `${count} ${countedIn(name)}`;
  const more = [
    ...(parts === undefined ? [] : [`${parts} ${partsOf[name] ?? "parts"}`]),
    ...(candidates === undefined ? [] : [`1 of ${candidates}`]),
  ];
  return [
    title,
    number(generated),
    deviation === undefined ? "" : `± ${number(deviation)}`,
    real === undefined ? "" : number(real),
    chance === undefined ? "" : number(chance),
    better === "neither" ? "" : better,
    network satisfies NetworkName,
    [of, ...more].join(", "),
  ];
}

const partsOf: Partial<Record<FigureName, string>> = {
  inceptionScore: "splits",
  kernelDistance: "subsets",
  rPrecision: "repeats",
};

function countedIn(name: FigureName): string {
  if (name === "attributeAccuracy" || name === "otherCaptionsAccuracy") return "attributes";
  const { metric } = figureKinds[name];
  return metric === "consistency" || (metric === "diversity" && name !== "variety") ? "pairs" : "images";
}

/** Text columns are aligned left, number columns right. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const numeric = [1, 3, 4];
  return rows.map((row) =>
    row
      .map((cell, column) =>
        numeric.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
}

function sharesOf(shares: Record<string, number>): string {
  return Object.entries(shares)
    .map(([name, share]) => `${name} ${share.toFixed(2)}`)
    .join(", ");
}

/** Three decimals, or two significant digits for values below 0.01. */
function number(value: number): string {
  return Math.abs(value) >= 0.01 || value === 0 ? value.toFixed(3) : value.toPrecision(2);
}
