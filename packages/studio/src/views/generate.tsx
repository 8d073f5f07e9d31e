import { useState } from "preact/hooks";
import type { Generated } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { examplesFor } from "../lib/examples.js";
import { BitmapCanvas } from "../parts/bitmap.js";
import { Enlarged } from "../parts/enlarged.js";
import { Choice, ModelChoice } from "../parts/fields.js";
import { SharedPrompt, SharedSeed } from "../parts/shared-fields.js";
import { Notice } from "../parts/status.js";
import { chooseModel, model, prompt, seed } from "../state/app.js";
import { history } from "../state/history.js";
import { count, ignored, images, problem, showStages, took, working } from "../state/images.js";

/** Images of a prompt for a row of seeds, while one types. */
export function GenerateView() {
  return (
    <>
      <section class="panel">
        <SharedPrompt ignored={ignored.value} />
        <div class="controls">
          <ModelChoice />
          <SharedSeed />
          <Choice
            label={t("count")}
            value={String(count.value)}
            options={["1", "4", "8", "12", "16"].map((each) => [each, each])}
            onChange={(value) => {
              count.value = Number(value);
            }}
          />
          <button
            type="button"
            class="secondary outline"
            onClick={() => {
              seed.value = Math.floor(Math.random() * 1_000_000);
            }}
          >
            {t("otherSeeds")}
          </button>
          <label class="check">
            <input
              type="checkbox"
              role="switch"
              aria-checked={showStages.value}
              checked={showStages.value}
              onChange={(event) => {
                showStages.value = event.currentTarget.checked;
              }}
            />
            {t("stages")}
          </label>
        </div>
      </section>
      <div class="with-side">
        <Results />
        <History />
      </div>
    </>
  );
}

function Results() {
  const [opened, setOpened] = useState<number | undefined>();
  const shown = images.value.filter((image) => image !== undefined);
  const index = opened !== undefined && opened < shown.length ? opened : undefined;
  if (prompt.value.trim() === "") return <Empty />;
  return (
    <section aria-label={t("images")}>
      <p class="status" role="status">
        {problem.value
          ? ""
          : working.value
            ? t("working")
            : took.value !== undefined && t("generated", { count: shown.length, ms: took.value })}
      </p>
      {problem.value && (
        <Notice kind="error">
          <p>{problem.value.message}</p>
        </Notice>
      )}
      <ul class={`grid ${problem.value ? "stale" : ""}`}>
        {images.value.map((image, i) => (
          <li key={i}>
            <Tile image={image} onOpen={() => setOpened(i)} />
          </li>
        ))}
      </ul>
      {index !== undefined && (
        <Enlarged images={shown} index={index} onIndex={setOpened} onClose={() => setOpened(undefined)} />
      )}
    </section>
  );
}

function Tile({ image, onOpen }: { image: Generated | undefined; onOpen: () => void }) {
  if (!image) return <BitmapCanvas bitmap={undefined} />;
  return (
    <button type="button" class="tile" onClick={onOpen} aria-label={t("enlarge", { seed: image.seed })}>
      <BitmapCanvas bitmap={image.stages.at(-1)} />
      {image.stages.length > 1 && (
        <span class="tile-stages">
          {image.stages.slice(0, -1).map((stage) => (
            <BitmapCanvas key={stage.size} bitmap={stage} />
          ))}
        </span>
      )}
      <span class="tile-seed">{image.seed}</span>
    </button>
  );
}

function Empty() {
  const words = model.value?.words ?? [];
  return (
    <Notice>
      <p>{t("emptyPrompt")}</p>
      <p class="chips">
        {examplesFor(words).map((example) => (
          <button
            key={example}
            type="button"
            class="chip"
            dir="auto"
            onClick={() => {
              prompt.value = example;
            }}
          >
            {example}
          </button>
        ))}
      </p>
    </Notice>
  );
}

function History() {
  return (
    <section class="history">
      <h2>{t("history")}</h2>
      {history.value.length === 0 ? (
        <p class="notes">{t("noHistory")}</p>
      ) : (
        <>
          <ul>
            {history.value.map((entry) => (
              <li key={`${entry.seed} ${entry.model} ${entry.prompt}`}>
                <button
                  type="button"
                  class="chip"
                  dir="auto"
                  onClick={() => {
                    chooseModel(entry.model);
                    seed.value = entry.seed;
                    prompt.value = entry.prompt;
                  }}
                >
                  {entry.prompt} <small>· {entry.seed}</small>
                </button>
              </li>
            ))}
          </ul>
          <button
            type="button"
            class="plain"
            onClick={() => {
              history.value = [];
            }}
          >
            {t("clearHistory")}
          </button>
        </>
      )}
    </section>
  );
}
