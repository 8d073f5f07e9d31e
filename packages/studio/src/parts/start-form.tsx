import { type PresetName, presetNames, presets } from "@sdgan/core/basics";
import { useEffect, useId, useState } from "preact/hooks";
import type { PreparedFolder, RunControl, RunSummary, StartRequest } from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { Choice } from "./fields.js";

/**
 * Starts a training on the server.
 * @param runs as the server lists them now
 * @param onStarted called with the run's id
 */
export function StartForm({
  control,
  runs,
  onStarted,
}: {
  control: RunControl;
  runs: readonly RunSummary[];
  onStarted: (id: string) => void;
}) {
  const [task, setTask] = useState<StartRequest["task"]>("damsm");
  const [config, setConfig] = useState<PresetName>("emoji-64");
  const [started, setStarted] = useState<string | undefined>();
  const [problem, setProblem] = useState("");
  // Its state is shown below; one that has failed has not started.
  const isRunning = runs.some(({ id, state }) => id === started && state === "running");
  const start = async (form: HTMLFormElement) => {
    const values = new FormData(form);
    const text = (name: string) => String(values.get(name) ?? "").trim();
    const [run, minutes] = [text("run"), Number(text("minutes"))];
    setStarted(undefined);
    setProblem("");
    try {
      const id = await control.start({
        ...{ task, config, data: text("data"), run },
        ...(minutes > 0 && { minutes }),
      });
      setStarted(id);
      onStarted(id);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <details class="start">
      <summary>{t("startTraining")}</summary>
      <p class="notes">{t("startHint")}</p>
      <form
        class="controls"
        onSubmit={(event) => {
          event.preventDefault();
          void start(event.currentTarget);
        }}
      >
        <Choice
          label={t("task")}
          value={task}
          options={[
            ["damsm", t("taskDamsm")],
            ["gan", t("taskGan")],
          ]}
          onChange={setTask}
        />
        <Choice
          label={t("config")}
          value={config}
          options={presetNames.map((name) => [name, name])}
          onChange={setConfig}
        />
        <DataField control={control} />
        <Field name="run" label={t("runName")} pattern="[A-Za-z0-9][A-Za-z0-9_.\-]*" />
        <Field
          {...{ name: "minutes", label: t("minutes"), type: "number", min: 1, step: 1 }}
          {...{ required: false, placeholder: t("allSteps") }}
        />
        <button type="submit">{t("start")}</button>
      </form>
      <p class="notes">{presets[config].description}</p>
      <p role="status" class="notes">
        {problem || (isRunning && t("started"))}
      </p>
    </details>
  );
}

/** A folder of the server's machine; those that the server has found are suggested, and the first one is filled in. */
function DataField({ control }: { control: RunControl }) {
  const [found, setFound] = useState<PreparedFolder[]>([]);
  const [folder, setFolder] = useState("");
  useEffect(() => {
    control.data().then(
      (all) => {
        setFound(all);
        setFolder((typed) => typed || (all[0]?.folder ?? ""));
      },
      () => {}, // The field works without suggestions.
    );
  }, [control]);
  const id = useId();
  return (
    <>
      <Field name="data" label={t("data")} list={id} value={folder} onInput={setFolder} />
      <datalist id={id}>
        {found.map(({ folder, source, images }) => (
          <option key={folder} value={folder}>
            {t("preparedFolder", { source, images })}
          </option>
        ))}
      </datalist>
    </>
  );
}

/** A line of text or a number, which by default must not be empty. */
function Field({
  label,
  onInput,
  ...more
}: {
  name: string;
  label: string;
  type?: "text" | "number";
  required?: boolean;
  placeholder?: string;
  min?: number;
  step?: number;
  pattern?: string;
  list?: string;
  value?: string;
  onInput?: (text: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        required
        autocomplete="off"
        {...more}
        id={id}
        onInput={(event) => onInput?.(event.currentTarget.value)}
      />
    </div>
  );
}
