import { useEffect, useMemo, useState } from "preact/hooks";
import type { Run, RunSource } from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { type Curve, chartsOf, OTHER } from "../lib/curves.js";
import { isDark } from "../state/app.js";
import { Chart } from "./chart.js";
import { Slider } from "./fields.js";
import { NextStep } from "./next-step.js";

/** What is known of a training: its state, what to do next, warnings, curves and samples. */
export function RunDetails({
  run,
  source,
  onStarted,
}: {
  run: Run;
  source: RunSource;
  onStarted: (id: string) => void;
}) {
  return (
    <>
      <dl class="facts">
        {factsOf(run)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {source.control && <NextStep run={run} control={source.control} onStarted={onStarted} />}
      {run.warnings.length > 0 && (
        <section>
          <h2>{t("warnings")}</h2>
          <ul class="warnings">
            {run.warnings.map((warning, i) => (
              <li key={i}>{warning}</li>
            ))}
          </ul>
        </section>
      )}
      <Samples run={run} source={source} />
      <Curves run={run} />
    </>
  );
}

function factsOf(run: Run): [string, string | undefined][] {
  const { state, step, steps, secondsLeft, memory } = run;
  const starting = state === "running" && step === undefined;
  return [
    [t("state"), state && t(starting ? "starting" : state)],
    [t("step"), step === undefined ? undefined : steps ? t("stepOf", { step, steps }) : String(step)],
    [t("timeLeft"), secondsLeft === undefined ? undefined : durationOf(secondsLeft)],
    [t("memory"), memory === undefined ? undefined : `${(memory / 2 ** 30).toFixed(1)} GiB`],
    [t("folder"), run.folder],
  ];
}

function Curves({ run }: { run: Run }) {
  const { losses, measurements } = useMemo(() => chartsOf(run.metrics), [run.metrics]);
  return (
    <>
      {measurements.size > 0 && (
        <section>
          <h2>{t("measurements")}</h2>
          <p class="notes">{t("measurementsHint")}</p>
          <ChartGrid charts={measurements} />
        </section>
      )}
      <section>
        <h2>{t("losses")}</h2>
        {losses.size === 0 && <p class="notes">{t("noCurves")}</p>}
        <ChartGrid charts={losses} />
      </section>
    </>
  );
}

function ChartGrid({ charts }: { charts: Map<string, Curve[]> }) {
  return (
    <div class="charts">
      {[...charts].map(([title, curves]) => {
        const name = title === OTHER ? otherName(curves) : title;
        return (
          <section key={title} class="card">
            <h3>{name}</h3>
            <Chart title={name} curves={curves} dark={isDark.value} />
          </section>
        );
      })}
    </div>
  );
}

function Samples({ run, source }: { run: Run; source: RunSource }) {
  const [chosen, setChosen] = useState<number | undefined>();
  const [shown, setShown] = useState<string | undefined>();
  const last = run.samples.length - 1;
  const index = Math.min(chosen ?? last, last);
  const sample = run.samples[index];
  useEffect(() => {
    let live = true;
    if (sample)
      source.image(sample.url).then(
        (url) => live && setShown(url),
        () => live && setShown(undefined),
      );
    return () => {
      live = false;
    };
  }, [source, sample?.url]);
  // DAMSM generates nothing.
  if (!sample && run.id.endsWith("/damsm")) return null;
  return (
    <section>
      <h2>{t("samples")}</h2>
      {sample ? (
        <>
          <Slider
            label={t("step")}
            value={index}
            most={last}
            text={String(sample.step)}
            onInput={(value) => setChosen(value === last ? undefined : value)}
          />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <section class="scrolled" tabIndex={0} aria-label={t("samples")}>
            <img class="sample" src={shown} alt={t("sampleLabel", { step: sample.step })} />
          </section>
        </>
      ) : (
        <p class="notes">{t("noSamples")}</p>
      )}
    </section>
  );
}

function durationOf(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return t("minutesLeft", { minutes });
  return t("hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** A few curves without a group are named. */
function otherName(curves: readonly Curve[]): string {
  return curves.length <= 3 ? curves.map(({ name }) => name).join(", ") : t("other");
}
