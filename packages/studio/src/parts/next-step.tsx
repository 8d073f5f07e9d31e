import { useState } from "preact/hooks";
import type { Run, RunControl } from "../engine/runs.js";
import { t } from "../i18n/index.js";
import { chooseModel, refreshModels, view } from "../state/app.js";

/** What can be done with a training's result: the GAN after DAMSM, images after the GAN. */
export function NextStep({
  run,
  control,
  onStarted,
}: {
  run: Run;
  control: RunControl;
  onStarted: (id: string) => void;
}) {
  if (run.next === "gan" && run.state !== "running") {
    const train = async () => {
      await control.trainGan(run.id);
      onStarted(run.id.replace(/\/damsm$/, ""));
    };
    const { step = 0, steps = 0 } = run;
    const text = step < steps ? t("damsmPart", { step, steps }) : t("damsmTrained");
    return <Step text={text} action={t("trainGan")} working={t("starting")} onAction={train} />;
  }
  if (run.next !== "images") return null;
  const use = async () => {
    chooseModel(await control.serve(run.id));
    await refreshModels();
    view.value = "generate";
  };
  return <Step text={t("useModel")} action={t("generateWith")} working={t("exporting")} onAction={use} />;
}

function Step({
  text,
  action,
  working,
  onAction,
}: {
  text: string;
  action: string;
  /** The button while the action is under way. */
  working: string;
  onAction: () => Promise<void>;
}) {
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState("");
  const act = async () => {
    setBusy(true);
    setMessage("");
    try {
      await onAction();
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <div class="notice">
      <p>{text}</p>
      <p class="controls">
        <button type="button" aria-busy={busy} disabled={busy} onClick={() => void act()}>
          {busy ? working : action}
        </button>
      </p>
      <p role="status" class="notes">
        {message}
      </p>
    </div>
  );
}
