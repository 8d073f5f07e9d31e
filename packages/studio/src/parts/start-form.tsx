import { type PresetName, presetNames, presets } from "@sdgan/core/basics";
import { useEffect, useId, useState } from "preact/hooks";
import type { PreparedFolder, RunControl, StartRequest } from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { Choice } from "./fields.js";

/**
 * Starts a training on the server.
 * @param onStarted called with the run's id
 */
export function StartForm({ control, onStarted }: { control: RunControl; onStarted: (id: string) => void }) {
  const [task, setTask] = useState<StartRequest["task"]>("damsm");
  const [config, setConfig] = useState<PresetName>("emoji-64");
  const [message, setMessage] = useState("");
  const start = async (form: HTMLFormElement) => {
    const values = new FormData(form);
    const text = (name: string) => String(values.get(name) ?? "").trim();
    const [run, minutes] = [text("run"), Number(text("minutes"))];
    try {
      await control.start({ task, config, data: text("data"), run, ...(minutes > 0 && { minutes }) });
      setMessage(t("started"));
      onStarted(task === "damsm" ? `${run}/damsm` : run);
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
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
        <MinutesField />
        <button type="submit">{t("start")}</button>
      </form>
      <p class="notes">{presets[config].description}</p>
      <p role="status" class="notes">
        {message}
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

/** A line of text, which must not be empty. */
function Field({
  label,
  onInput,
  ...more
}: {
  name: string;
  label: string;
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
        {...more}
        id={id}
        required
        autocomplete="off"
        onInput={(event) => onInput?.(event.currentTarget.value)}
      />
    </div>
  );
}

function MinutesField() {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{t("minutes")}</label>
      <input id={id} name="minutes" type="number" min={1} step={1} placeholder={t("allSteps")} />
    </div>
  );
}
