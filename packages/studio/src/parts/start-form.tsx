import { useState } from "preact/hooks";
import type { RunControl, StartRequest } from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { Choice } from "./fields.js";

/** Starts a training on the server. */
export function StartForm({ control }: { control: RunControl }) {
  const [task, setTask] = useState<StartRequest["task"]>("damsm");
  const [message, setMessage] = useState("");
  const start = async (form: HTMLFormElement) => {
    const values = new FormData(form);
    const text = (name: string) => String(values.get(name) ?? "").trim();
    const minutes = Number(text("minutes"));
    try {
      await control.start({
        ...{ task, config: text("config"), data: text("data"), run: text("run") },
        ...(minutes > 0 && { minutes }),
      });
      setMessage(`${t("run")} ${text("run")}: ${t("running")}`);
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <details class="start">
      <summary>{t("startTraining")}</summary>
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
            ["damsm", "damsm"],
            ["gan", "gan"],
          ]}
          onChange={setTask}
        />
        <label class="field">
          {t("config")}
          <input name="config" required value="emoji-64" />
        </label>
        <label class="field">
          {t("data")}
          <input name="data" required placeholder="data/mine" />
        </label>
        <label class="field">
          {t("runFolder")}
          <input name="run" required placeholder="mine" />
        </label>
        <label class="field">
          {t("minutes")}
          <input name="minutes" type="number" min={1} step={1} placeholder="60" />
        </label>
        <button type="submit">{t("start")}</button>
      </form>
      <p role="status" class="notes">
        {message}
      </p>
    </details>
  );
}
