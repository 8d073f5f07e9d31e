import { useEffect, useRef } from "preact/hooks";
import { type Language, language, languages, t } from "./i18n/index.js";
import { Choice } from "./parts/fields.js";
import { LoadingBar, WithModel } from "./parts/status.js";
import { addressOf, mode, setLanguage, theme, view } from "./state/app.js";
import { VIEWS, type View } from "./state/link.js";
import { CompareView } from "./views/compare.js";
import { GenerateView } from "./views/generate.js";
import { InsideView } from "./views/inside.js";
import { WalkView } from "./views/walk.js";
import { WatchView } from "./views/watch.js";

/** The whole page. */
export function App() {
  useEffect(() => {
    document.title = `${t(view.value)} · ${t("title")}`;
  }, [view.value, language.value]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {t("skip")}
      </button>
      <header class="top container">
        <p class="brand">
          <img src="./icon.svg" alt="" width={28} height={28} />
          sdgan <span>studio</span>
        </p>
        <Navigation />
        <Settings />
      </header>
      <main id="content" class="container" tabIndex={-1}>
        <h1 class="visually-hidden">{t(view.value)}</h1>
        <Content view={view.value} />
      </main>
    </>
  );
}

function Navigation() {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [view.value]);
  return (
    <nav aria-label={t("views")}>
      <ul ref={list}>
        {VIEWS.map((name) => (
          <li key={name}>
            <a
              href={addressOf({ view: name })}
              aria-current={name === view.value ? "page" : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                view.value = name;
              }}
            >
              {t(name)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Settings() {
  return (
    <div class="settings">
      <Choice
        label={t("runsOn")}
        value={mode.value}
        options={[
          ["browser", t("runsInBrowser")],
          ["server", t("runsOnServer")],
        ]}
        onChange={(value) => {
          mode.value = value;
        }}
      />
      <Choice
        label={t("theme")}
        value={theme.value}
        options={[
          ["auto", t("themeAuto")],
          ["light", t("themeLight")],
          ["dark", t("themeDark")],
        ]}
        onChange={(value) => {
          theme.value = value;
        }}
      />
      <Choice
        label={t("language")}
        value={language.value}
        options={Object.entries(languages) as [Language, string][]}
        onChange={setLanguage}
      />
    </div>
  );
}

function Content({ view }: { view: View }) {
  if (view === "watch") return <WatchView />;
  return (
    <WithModel>
      <LoadingBar />
      {view === "generate" && <GenerateView />}
      {view === "inside" && <InsideView />}
      {view === "compare" && <CompareView />}
      {view === "walk" && <WalkView />}
    </WithModel>
  );
}
