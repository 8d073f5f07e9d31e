import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { t } from "../i18n/index.js";
import { apiKey, loading, mode, model, modelList, refreshModels } from "../state/app.js";

/** A message in place of content. */
export function Notice({
  title,
  children,
  kind = "info",
}: {
  title?: string;
  children?: ComponentChildren;
  kind?: "info" | "error";
}) {
  return (
    <div class={`notice ${kind}`} role={kind === "error" ? "alert" : undefined}>
      {title && <p class="notice-title">{title}</p>}
      {children}
    </div>
  );
}

/** Asks for the key of a server. */
export function KeyForm({ wrong }: { wrong: boolean }) {
  const id = useId();
  return (
    <form
      class="notice"
      onSubmit={(event) => {
        event.preventDefault();
        apiKey.value = String(new FormData(event.currentTarget).get("key") ?? "").trim();
        void refreshModels();
      }}
    >
      <label for={id}>{t("apiKey")}</label>
      <p class="controls">
        <input
          id={id}
          name="key"
          type="password"
          required
          autocomplete="off"
          aria-invalid={wrong || undefined}
        />
        <button type="submit">{t("useKey")}</button>
      </p>
      {wrong && <p role="alert">{t("wrongKey")}</p>}
    </form>
  );
}

/** What hinders work with a model: none found, the server does not answer. Otherwise the children. */
export function WithModel({ children }: { children: ComponentChildren }) {
  const list = modelList.value;
  const retry = (
    <button type="button" class="secondary outline" onClick={() => void refreshModels()}>
      {t("tryAgain")}
    </button>
  );
  if (list.state === "loading") return <Notice>{t("loadingModels")}</Notice>;
  const missing = list.state === "failed" && list.error.code === "file.missing";
  if (missing || (list.state === "ready" && list.models.length === 0))
    return (
      <Notice title={t("noModels")}>
        <p>{t(mode.value === "browser" ? "noModelsBrowser" : "noModelsServer")}</p>
        {retry}
      </Notice>
    );
  if (list.state === "failed" && list.error.code === "invalid_api_key")
    return <KeyForm wrong={apiKey.value !== ""} />;
  if (list.state === "failed")
    return (
      <Notice title={mode.value === "server" ? t("serverUnreachable") : t("noModels")} kind="error">
        <p>{list.error.message}</p>
        {retry}
      </Notice>
    );
  return <>{children}</>;
}

/** The model's files arriving. */
export function LoadingBar() {
  if (loading.value === undefined || !model.value) return null;
  const percent = Math.round(loading.value * 100);
  const text = t("loadingModel", { model: model.value.name, percent });
  return (
    <div class="loading">
      <progress max={100} value={percent} aria-label={text} />
      <small>{text}</small>
    </div>
  );
}
