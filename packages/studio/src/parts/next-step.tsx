import { useEffect, useRef, useState } from "preact/hooks";
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
  const isMounted = useRef(true);
  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
  if (run.next === "gan" && run.state !== "running") {
    const train = async () => onStarted(await control.trainGan(run.id));
    const { step = 0, steps = 0 } = run;
    const text =
      steps === 0 ? t("damsmReady") : step < steps ? t("damsmPart", { step, steps }) : t("damsmTrained");
    return <Step text={text} action={t("trainGan")} working={t("starting")} onAction={train} />;
  }
  if (run.next !== "images") return null;
  const use = async () => {
    // An export takes long: who looks at something else by then stays there.
    const isShown = () => isMounted.current && view.value === "watch";
    const model = await control.serve(run.id);
    if (isShown()) chooseModel(model);
    await refreshModels();
    if (isShown()) view.value = "generate";
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
