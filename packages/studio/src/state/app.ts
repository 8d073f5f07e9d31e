/** What several views share: the engine, the models, the prompt. */
import { computed, effect, signal } from "@preact/signals";
import { BrowserEngine, type WorkerLike } from "../engine/browser.js";
import { type Engine, EngineError, type ModelInfo } from "../engine/engine.js";
import { ServerEngine } from "../engine/server.js";
import { type Language, language } from "../i18n/index.js";
import { formatLink, type Link, parseLink, type View } from "./link.js";
import { oneOf, stored } from "./stored.js";

export type Mode = "browser" | "server";
export type Theme = "auto" | "light" | "dark";

const { origin, pathname } = location;
/** Where the page is: models are beside it, and so is the server's interface. */
const here = new URL(".", origin + pathname).href;

export const mode = stored<Mode>("mode", "browser", oneOf("browser", "server"));
export const theme = stored<Theme>("theme", "auto", oneOf("auto", "light", "dark"));
const storedLanguage = stored<Language | null>("language", null, oneOf("en", "zh", null));
language.value = storedLanguage.value ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export function setLanguage(value: Language): void {
  storedLanguage.value = value;
  language.value = value;
}

const startWorker = () =>
  new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module" }) as unknown as WorkerLike;

/** The key of a server that asks for one. It is forgotten with the page. */
export const apiKey = signal("");
export const server = { base: here, key: () => apiKey.peek() || undefined };

const engines: Record<Mode, Engine> = {
  browser: new BrowserEngine(new URL("models/", here).href, startWorker),
  server: new ServerEngine(server),
};
export const engine = computed(() => engines[mode.value]);

/** Whether the page is dark, by the reader's choice or the system's. */
export const isDark = signal(false);

const first = parseLink(location.hash);
export const view = signal<View>(first.view);
export const prompt = signal(first.prompt ?? "");
export const seed = signal(first.seed ?? 0);
/** The chosen model's name; it may be absent from the list. */
const chosen = stored<string>("model", "", (value) => typeof value === "string");
if (first.model) chosen.value = first.model;

export type ModelList =
  | { state: "loading" }
  | { state: "ready"; models: ModelInfo[] }
  | { state: "failed"; error: EngineError };

export const modelList = signal<ModelList>({ state: "loading" });
/** The model that is used: the chosen one, if it is in the list, else the first. */
export const model = computed<ModelInfo | undefined>(() => {
  if (modelList.value.state !== "ready") return undefined;
  const { models } = modelList.value;
  return models.find(({ name }) => name === chosen.value) ?? models[0];
});

export function chooseModel(name: string): void {
  chosen.value = name;
}

/** Share of the model's files that have arrived; undefined when the model is ready. */
export const loading = signal<number | undefined>(undefined);

let latestList = 0;
/** Reads the list of models again. */
export async function refreshModels(): Promise<void> {
  const mine = ++latestList;
  modelList.value = { state: "loading" };
  const list = await engine
    .peek()
    .models()
    .then(
      (models): ModelList => ({ state: "ready", models }),
      (error): ModelList => ({
        state: "failed",
        error: error instanceof EngineError ? error : new EngineError(String(error)),
      }),
    );
  if (mine !== latestList) return;
  // A server that is loading its models says so; until it has them, the list stays "loading".
  if (list.state === "failed" && list.error.code === "server_busy") setTimeout(refreshModels, RETRY);
  else modelList.value = list;
}

/** Milliseconds. */
const RETRY = 1000;

/** Starts what follows changes: the list of models by the mode, the address by the view, the colours. */
export function startApp(): void {
  effect(() => {
    void engine.value;
    void refreshModels();
  });
  effect(() => {
    const [used, name] = [engine.value, model.value?.name];
    if (name === undefined) return;
    loading.value = 0;
    const still = () => engine.peek() === used && model.peek()?.name === name;
    const report = (share: number) => {
      if (still()) loading.value = share;
    };
    // An error is reported by the first generation, which needs the model too.
    const end = () => {
      if (still()) loading.value = undefined;
    };
    void used.prepare(name, report).then(end, end);
  });
  effect(() => {
    const hash = formatLink(linkOf(view.value));
    if (hash !== location.hash) history.replaceState(null, "", hash);
  });
  addEventListener("hashchange", () => {
    const link = parseLink(location.hash);
    view.value = link.view;
    if (link.prompt !== undefined) prompt.value = link.prompt;
    if (link.seed !== undefined) seed.value = link.seed;
    if (link.model !== undefined) chosen.value = link.model;
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const systemDark = signal(dark.matches);
  dark.addEventListener("change", () => {
    systemDark.value = dark.matches;
  });
  effect(() => {
    isDark.value = theme.value === "dark" || (theme.value === "auto" && systemDark.value);
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  });
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

/** What the address has in a view. */
function linkOf(name: View): Link {
  if (name !== "generate" && name !== "inside") return { view: name };
  return {
    view: name,
    prompt: prompt.value,
    ...((prompt.value || seed.value > 0) && { seed: seed.value }),
    ...(prompt.value && model.value && { model: model.value.name }),
  };
}

/** The whole address of an image. */
export function addressOf(link: Link): string {
  return new URL(formatLink(link), location.href).href;
}
