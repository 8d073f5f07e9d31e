/** Curves over steps, as SVG in the colours of the page. */
import { lineY, plot } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { groupBy, mean } from "../util/lists.js";
import { html } from "./page.js";

export interface Curve {
  name: string;
  points: readonly Point[];
}

export interface Point {
  step: number;
  value: number;
}

/** Figures side by side. Lines of the same name have the same colour in all figures. */
export function curvesOf(figures: readonly { title: string; lines: readonly Curve[] }[]): string {
  const names = [...new Set(figures.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const colours = new Map(names.map((name, i) => [name, palette[i % palette.length]!]));
  const shown = figures.map(({ title, lines }) => {
    const named = lines.length > 1 ? legendOf(lines, colours) : "";
    return `<figure><figcaption>${html(title)}</figcaption>${svgOf(title, lines, colours)}${named}</figure>`;
  });
  return `<div class="curves">${shown.join("")}</div>`;
}

/** Reduces a curve to at most `most` points: means over equal parts of the steps. */
export function thinned(points: readonly Point[], most = 150): Point[] {
  const first = points[0]?.step ?? 0;
  const width = ((points.at(-1)?.step ?? 0) - first + 1) / most;
  const parts = groupBy(points, ({ step }) => Math.floor((step - first) / width));
  return [...parts.values()].map((own) => ({
    step: mean(own.map(({ step }) => step)),
    value: mean(own.map(({ value }) => value)),
  }));
}

function svgOf(title: string, lines: readonly Curve[], colours: ReadonlyMap<string, string>): string {
  const { document } = parseHTML("<html></html>");
  const svg = plot({
    document,
    className: "curve",
    ...{ width: 352, height: 190, marginLeft: 46, marginTop: 8, ariaLabel: title },
    style: { background: "none" },
    x: { label: "step", nice: false },
    y: { label: null, grid: true, nice: true },
    marks: lines.map(({ name, points }) =>
      lineY(thinned(points), { x: "step", y: "value", stroke: colours.get(name)!, strokeWidth: 1.5 }),
    ),
  });
  for (const rules of svg.querySelectorAll("style")) rules.remove(); // The page has its own styles.
  return svg.outerHTML;
}

function legendOf(lines: readonly Curve[], colours: ReadonlyMap<string, string>): string {
  const entries = lines.map(
    ({ name }) => `<span><i style="background:${colours.get(name)}"></i>${html(name)}</span>`,
  );
  return `<div class="legend">${entries.join("")}</div>`;
}

/** Distinguishable colours for light and dark backgrounds. */
const palette = [
  "#4269d0",
  "#e0812b",
  "#d6433f",
  "#3ca77a",
  "#9c6ade",
  "#c2589b",
  "#8a7a5c",
  "#3fa7c4",
  "#7d8691",
  "#a3a02c",
];
