import { useEffect, useRef, useState } from "preact/hooks";
import { EngineError } from "../engine/engine.js";
import {
  folderRuns,
  type Run,
  type RunControl,
  type RunSource,
  type RunSummary,
  serverRuns,
} from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { Choice } from "../parts/fields.js";
import { RunDetails } from "../parts/run-details.js";
import { StartForm } from "../parts/start-form.js";
import { KeyForm, Notice } from "../parts/status.js";
import { apiKey, mode, server } from "../state/app.js";

/** How often a server is asked, in milliseconds. */
const REFRESH = 3000;

/** The trainings of a server, or those in a folder that is opened in this browser. */
export function WatchView() {
  const [source, setSource] = useState<RunSource | undefined>();
  const [runs, setRuns] = useState<RunSummary[] | undefined>();
  const [chosen, setChosen] = useState<string | undefined>();
  const [error, setError] = useState<EngineError | undefined>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    setSource(undefined);
    setRuns(undefined);
    setError(undefined);
    if (mode.value === "server") serverRuns(server).then(setSource, (cause) => setError(asError(cause)));
  }, [mode.value, apiKey.value, attempt]);
  return (
    <>
      <section class="panel">
        <p class="intro">{t("watchIntro")}</p>
        {mode.value === "browser" && <FolderChoice onFiles={(files) => setSource(folderRuns(files))} />}
        {source && mode.value === "server" && !source.control && <p class="notes">{t("notAllowed")}</p>}
        {source?.control && <StartForm control={source.control} runs={runs ?? []} onStarted={setChosen} />}
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
      {source ? (
        <Runs {...{ source, runs, chosen }} onRuns={setRuns} onChoice={setChosen} />
      ) : (
        mode.value === "browser" && <Notice>{t("noFolder")}</Notice>
      )}
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

function Runs({
  source,
  runs,
  chosen,
  onRuns,
  onChoice,
}: {
  source: RunSource;
  /** The last that `onRuns` got; undefined before. */
  runs: readonly RunSummary[] | undefined;
  chosen: string | undefined;
  onRuns: (runs: RunSummary[]) => void;
  onChoice: (id: string) => void;
}) {
  const [run, setRun] = useState<Run | undefined>();
  const [error, setError] = useState<EngineError | undefined>();
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let live = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = async () => {
      try {
        const list = await source.list();
        const shown = shownOf(list, chosen);
        const read = shown && (await source.read(shown.id));
        if (!live) return;
        onRuns(list);
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
  }, [source, chosen, asked]);
  if (error)
    return (
      <Notice kind="error">
        <p>{error.message}</p>
      </Notice>
    );
  if (!runs) return null;
  const id = shownOf(runs, chosen)?.id;
  if (id === undefined) return <Notice>{t(source.control ? "noRunsYet" : "noRuns")}</Notice>;
  const { control } = source;
  return (
    <>
      <div class="controls">
        <Choice
          label={t("run")}
          value={id}
          options={runs.map((each) => [each.id, textOf(each)])}
          onChange={onChoice}
        />
        {control && run && (
          <Buttons
            {...{ run, control }}
            onDone={() => setAsked(asked + 1)}
            onError={(cause) => setError(asError(cause))}
          />
        )}
      </div>
      {run && <RunDetails key={run.id} run={run} source={source} onStarted={onChoice} />}
    </>
  );
}

/** The chosen run; otherwise one that is being trained, or the first. */
function shownOf(runs: readonly RunSummary[], chosen: string | undefined): RunSummary | undefined {
  return runs.find(({ id }) => id === chosen) ?? runs.find(({ state }) => state === "running") ?? runs[0];
}

function textOf({ id, state }: RunSummary): string {
  return state ? `${id || "."} · ${t(state)}` : id || ".";
}

function Buttons({
  run: { id, state, canResume },
  control,
  onDone,
  onError,
}: {
  run: Run;
  control: RunControl;
  onDone: () => void;
  onError: (error: unknown) => void;
}) {
  const running = state === "running";
  if (!running && canResume === false) return null;
  const act = () => (running ? control.stop(id) : control.resume(id)).then(onDone, onError);
  return (
    <button type="button" class="secondary outline" onClick={() => void act()}>
      {t(running ? "stop" : "resume")}
    </button>
  );
}

function asError(cause: unknown): EngineError {
  return cause instanceof EngineError ? cause : new EngineError(String(cause));
}
