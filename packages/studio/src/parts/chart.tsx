import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { t } from "../i18n/index.js";
import { aligned, type Curve } from "../lib/curves.js";
import { short } from "../lib/maps.js";

/** Curves over steps, and their main values as a table. */
export function Chart({ title, curves, dark }: { title: string; curves: Curve[]; dark: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = curves.map(({ name }) => name).join("\n");
  useEffect(() => {
    const element = place.current!;
    const [ink, line] = dark ? ["#c9ced8", "#3a4050"] : ["#454b57", "#dfe3ea"];
    const shortNames = withoutCommonStart(curves.map(({ name }) => name));
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false } },
        axes: [axis, { ...axis, size: 60 }],
        legend: { live: true },
        series: [
          { label: t("step"), value: (_, step) => String(step ?? "") },
          ...curves.map((_, i) => ({
            label: shortNames[i]!,
            value: shown,
            stroke: COLORS[dark ? "dark" : "light"][i % 8]!,
            width: 1.75,
            dash: i >= 8 ? [6, 4] : [],
            spanGaps: true,
            points: { show: curves[i]!.steps.length < 30, size: 5 },
          })),
        ],
      },
      aligned(curves),
      element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [names, dark, t("step")]);
  // New rows of a running training move no legend and lose no zoom of the page.
  useEffect(() => plot.current?.setData(aligned(curves)), [curves]);
  const steps = curves.flatMap((curve) => curve.steps);
  const ends = steps.reduce(([a, b], step) => [Math.min(a, step), Math.max(b, step)] as const, [
    Number.POSITIVE_INFINITY,
    0,
  ] as readonly [number, number]);
  return (
    <>
      <div
        ref={place}
        class="chart"
        role="img"
        aria-label={t("chartLabel", { title, first: ends[0], last: ends[1] })}
      />
      <details>
        <summary>{t("table")}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="scrolled" tabIndex={0} aria-label={t("table")}>
          <table>
            <thead>
              <tr>
                {(["curve", "first", "last", "smallest", "largest"] as const).map((key) => (
                  <th key={key} scope="col">
                    {t(key)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {curves.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {[
                    values[0]!,
                    values.at(-1)!,
                    values.reduce((a, b) => Math.min(a, b)),
                    values.reduce((a, b) => Math.max(a, b)),
                  ].map((value, i) => (
                    <td key={i}>{short(value)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

/** A value in the legend: none until the pointer is at a step. */
function shown(_: uPlot, value: number | null | undefined): string {
  return value == null ? "" : short(value);
}

/** Names without the parts at their start that all have. */
function withoutCommonStart(names: readonly string[]): string[] {
  const start = names[0]?.slice(0, names[0].indexOf("/") + 1) ?? "";
  if (start === "" || !names.every((name) => name.startsWith(start))) return [...names];
  return withoutCommonStart(names.map((name) => name.slice(start.length)));
}

const HEIGHT = 210;

/** Eight colours that are told apart with any colour vision, after Okabe and Ito (2008). */
const COLORS = {
  light: ["#0067a5", "#c44f00", "#00805c", "#a8437f", "#8a6d00", "#2b88c9", "#7a3fd1", "#333333"],
  dark: ["#56b4e9", "#f0a050", "#2fc79b", "#e58fc0", "#f0e442", "#7db7ff", "#b99cff", "#e6e6e6"],
} as const;
