import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { EngineError } from "../engine/engine.js";
import {
  type Curve,
  curvesOf,
  folderRuns,
  type Run,
  type RunSource,
  type RunSummary,
  serverRuns,
} from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { Chart } from "../parts/chart.js";
import { Choice, Slider } from "../parts/fields.js";
import { StartForm } from "../parts/start-form.js";
import { KeyForm, Notice } from "../parts/status.js";
import { apiKey, isDark, mode, server } from "../state/app.js";

/** How often a server is asked, in milliseconds. */
const REFRESH = 3000;

/** The trainings of a server, or those in a folder that is opened in this browser. */
export function WatchView() {
  const [source, setSource] = useState<RunSource | undefined>();
  const [error, setError] = useState<EngineError | undefined>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    setSource(undefined);
    setError(undefined);
    if (mode.value === "server") serverRuns(server).then(setSource, (cause) => setError(asError(cause)));
  }, [mode.value, apiKey.value, attempt]);
  return (
    <>
      <section class="panel">
        <p class="intro">{t("watchIntro")}</p>
        {mode.value === "browser" && <FolderChoice onFiles={(files) => setSource(folderRuns(files))} />}
        {source && mode.value === "server" && !source.control && <p class="notes">{t("notAllowed")}</p>}
        {source?.control && <StartForm control={source.control} />}
      </section>
      {error?.code === "invalid_api_key" && <KeyForm wrong={apiKey.value !== ""} />}
      {error && error.code !== "invalid_api_key" && (
        <Notice kind="error" title={t("serverUnreachable")}>
          <p>{error.message}</p>
          <button type="button" class="secondary outline" onClick={() => setAttempt(attempt + 1)}>
            {t("tryAgain")}
          </button>
        </Notice>
      )}
      {source ? <Runs source={source} /> : mode.value === "browser" && <Notice>{t("noFolder")}</Notice>}
    </>
  );
}

function FolderChoice({ onFiles }: { onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.webkitdirectory = true;
  }, []);
  return (
    <label class="field">
      {t("openFolder")}
      <input ref={input} type="file" onChange={(event) => onFiles([...(event.currentTarget.files ?? [])])} />
      <small>{t("openFolderHint")}</small>
    </label>
  );
}

function Runs({ source }: { source: RunSource }) {
  const [runs, setRuns] = useState<RunSummary[] | undefined>();
  const [chosen, setChosen] = useState<string | undefined>();
  const [run, setRun] = useState<Run | undefined>();
  const [error, setError] = useState<EngineError | undefined>();
  const id = runs?.find((each) => each.id === chosen)?.id ?? runs?.[0]?.id;
  useEffect(() => {
    let live = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = async () => {
      try {
        const list = await source.list();
        const shown = list.find((each) => each.id === chosen)?.id ?? list[0]?.id;
        const read = shown === undefined ? undefined : await source.read(shown);
        if (!live) return;
        setRuns(list);
        setRun(read);
        setError(undefined);
      } catch (cause) {
        if (live) setError(asError(cause));
      }
      // After an answer, so that a slow server is not asked again before it.
      if (live && source.live) timer = setTimeout(() => void refresh(), REFRESH);
    };
    void refresh();
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [source, chosen]);
  if (error)
    return (
      <Notice kind="error">
        <p>{error.message}</p>
      </Notice>
    );
  if (!runs) return null;
  if (id === undefined) return <Notice>{t("noRuns")}</Notice>;
  return (
    <>
      <div class="controls">
        <Choice
          label={t("run")}
          value={id}
          options={runs.map((each) => [each.id, each.id || "."])}
          onChange={setChosen}
        />
        {source.control && run && (
          <Buttons run={run} control={source.control} onError={(cause) => setError(asError(cause))} />
        )}
      </div>
      {run && <RunDetails run={run} source={source} />}
    </>
  );
}

function Buttons({
  run,
  control,
  onError,
}: {
  run: Run;
  control: NonNullable<RunSource["control"]>;
  onError: (error: unknown) => void;
}) {
  if (run.state === "running")
    return (
      <button
        type="button"
        class="secondary outline"
        onClick={() => void control.stop(run.id).catch(onError)}
      >
        {t("stop")}
      </button>
    );
  return (
    <button
      type="button"
      class="secondary outline"
      onClick={() => void control.resume(run.id).catch(onError)}
    >
      {t("resume")}
    </button>
  );
}

function RunDetails({ run, source }: { run: Run; source: RunSource }) {
  const facts: [string, string | undefined][] = [
    [t("state"), run.state === undefined ? undefined : t(run.state)],
    [
      t("step"),
      run.step === undefined
        ? undefined
        : run.steps === undefined
          ? String(run.step)
          : t("stepOf", { step: run.step, steps: run.steps }),
    ],
    [t("timeLeft"), run.secondsLeft === undefined ? undefined : durationOf(run.secondsLeft)],
    [t("memory"), run.memory === undefined ? undefined : `${(run.memory / 2 ** 30).toFixed(1)} GiB`],
  ];
  return (
    <>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
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
      <Curves run={run} />
      <Samples run={run} source={source} />
    </>
  );
}

function Curves({ run }: { run: Run }) {
  const groups = [...useMemo(() => curvesOf(run.metrics), [run.metrics])];
  return (
    <section>
      <h2>{t("curves")}</h2>
      {groups.length === 0 && <p class="notes">{t("noCurves")}</p>}
      <div class="charts">
        {groups.map(([group, curves]) => {
          const name = group === OTHER ? otherName(curves) : group;
          return (
            <section key={group} class="card">
              <h3>{name}</h3>
              <Chart group={name} curves={curves} dark={isDark.value} />
            </section>
          );
        })}
      </div>
    </section>
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
            onInput={(value) => setChosen(value)}
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

function asError(cause: unknown): EngineError {
  return cause instanceof EngineError ? cause : new EngineError(String(cause));
}

/** The group of curves whose names have no parts, such as DAMSM's losses. A few are named. */
const OTHER = "other";

function otherName(curves: readonly Curve[]): string {
  return curves.length <= 3 ? curves.map(({ name }) => name).join(", ") : t("other");
}
