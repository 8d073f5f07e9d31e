import { useEffect, useState } from "preact/hooks";
import { EngineError, type Generated, isAbort, type PlaceMap } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { colored, overlaid } from "../lib/colors.js";
import { examplesFor } from "../lib/examples.js";
import { latest } from "../lib/latest.js";
import { short, summaryOf } from "../lib/maps.js";
import { BitmapCanvas } from "../parts/bitmap.js";
import { ModelChoice } from "../parts/fields.js";
import { SharedPrompt, SharedSeed } from "../parts/shared-fields.js";
import { Notice } from "../parts/status.js";
import { engine, model, prompt, seed } from "../state/app.js";

/** The attention of each place to each word, and the strength of SCBN, for one image. */
export function InsideView() {
  const [image, setImage] = useState<Generated | undefined>();
  const [error, setError] = useState<EngineError | undefined>();
  const [active, setActive] = useState(0);
  const [work] = useState(() =>
    latest(async (signal, used: typeof engine.value, name: string, text: string, seed: number) => {
      try {
        const request = { model: name, prompt: text, seeds: [seed], stages: true, inside: true };
        const [result] = await used.generate(request, { signal });
        setImage(result);
        setError(undefined);
      } catch (cause) {
        if (!isAbort(cause)) setError(cause instanceof EngineError ? cause : new EngineError(String(cause)));
      }
    }, 60),
  );
  const name = model.value?.name;
  useEffect(() => {
    if (prompt.value.trim() === "") prompt.value = examplesFor(model.value?.words ?? [])[0] ?? "";
    if (name !== undefined && prompt.value.trim() !== "")
      work.call(engine.value, name, prompt.value, seed.value);
    return work.cancel;
  }, [engine.value, name, prompt.value, seed.value]);
  const words = image?.attention[0]?.words.map(({ word }) => word) ?? [];
  const word = Math.min(active, words.length - 1);
  return (
    <>
      <section class="panel">
        <p class="intro">{t("insideIntro")}</p>
        <SharedPrompt ignored={image?.ignored} />
        <div class="controls">
          <ModelChoice />
          <SharedSeed />
        </div>
      </section>
      {error && (
        <Notice kind="error">
          <p>{error.message}</p>
        </Notice>
      )}
      {image && (
        <div class={error ? "stale" : ""}>
          <Overview image={image} words={words} active={word} onActive={setActive} />
          <Attention image={image} active={word} onActive={setActive} />
          <Modulation title={t("gammas")} hint={t("gammasHint")} maps={image.gammas} />
          {image.gammas.length > 0 && (
            <Modulation title={t("betas")} hint={t("betasHint")} none={t("noBetas")} maps={image.betas} />
          )}
        </div>
      )}
    </>
  );
}

interface WordsProps {
  image: Generated;
  active: number;
  onActive: (word: number) => void;
}

function Overview({ image, words, active, onActive }: WordsProps & { words: string[] }) {
  const bitmap = image.stages.at(-1)!;
  const label = t("imageLabel", { prompt: image.prompt, seed: image.seed });
  return (
    <section class="overview">
      <div class="words">
        <h2>{t("words")}</h2>
        <p class="notes">{words.length > 0 ? t("wordsHint") : t("noAttention")}</p>
        <p class="chips">
          {words.map((word, i) => (
            <button
              key={i}
              type="button"
              class="chip"
              aria-pressed={i === active}
              onClick={() => onActive(i)}
              onFocus={() => onActive(i)}
              onMouseEnter={() => onActive(i)}
            >
              {word}
            </button>
          ))}
        </p>
      </div>
      <figure>
        <BitmapCanvas bitmap={bitmap} label={label} />
        <figcaption>
          {bitmap.size} × {bitmap.size}
        </figcaption>
      </figure>
      {image.attention.map((stage, i) => {
        const word = words[active]!;
        const map = { size: stage.size, values: stage.words[active]!.weights };
        const { least, most } = summaryOf(map);
        const size = image.stages[i + 1]?.size ?? stage.size * 2;
        return (
          <figure key={stage.size}>
            <BitmapCanvas
              bitmap={overlaid(bitmap, map, least, most)}
              label={t("overlayLabel", { word, size, place: placeOf(map) })}
            />
            <figcaption>{t("overlay", { word, size })}</figcaption>
          </figure>
        );
      })}
    </section>
  );
}

function Attention({ image, active, onActive }: WordsProps) {
  if (image.attention.length === 0) return null;
  return (
    <section>
      <h2>{t("attention")}</h2>
      <p class="notes">{t("attentionHint")}</p>
      {image.attention.map((stage, i) => {
        const size = image.stages[i + 1]?.size ?? stage.size * 2;
        const most = Math.max(
          ...stage.words.map(({ weights }) => weights.reduce((a, b) => Math.max(a, b), 0)),
        );
        return (
          <section key={stage.size}>
            <div class="map-head">
              <h3>{t("stage", { size })}</h3>
              <Scale low={0} high={most} />
            </div>
            <ul class="maps">
              {stage.words.map(({ word, weights }, w) => {
                const map = { size: stage.size, values: weights };
                const { mean, most: here } = summaryOf(map);
                const values = { word, size, mean: short(mean), most: short(here), place: placeOf(map) };
                return (
                  <li key={w} class={w === active ? "active" : ""} onMouseEnter={() => onActive(w)}>
                    <figure>
                      <BitmapCanvas bitmap={colored(map, 0, most)} label={t("attentionLabel", values)} />
                      <figcaption dir="auto">{word}</figcaption>
                    </figure>
                  </li>
                );
              })}
            </ul>
          </section>
        );
      })}
    </section>
  );
}

interface ModulationProps {
  title: string;
  hint: string;
  /** What is said where there are no maps. */
  none?: string;
  maps: PlaceMap[];
}

function Modulation({ title, hint, none = t("noGammas"), maps }: ModulationProps) {
  const most = Math.max(...maps.map((map) => summaryOf(map).most));
  return (
    <section>
      <div class="map-head">
        <h2>{title}</h2>
        {maps.length > 0 && <Scale low={0} high={most} />}
      </div>
      <p class="notes">{maps.length > 0 ? hint : none}</p>
      <ul class="maps wide">
        {maps.map((map, i) => {
          const { mean, most: here } = summaryOf(map);
          const number = i + 1;
          const values = {
            number,
            size: map.size,
            mean: short(mean),
            most: short(here),
            place: placeOf(map),
          };
          return (
            <li key={i}>
              <figure>
                <BitmapCanvas bitmap={colored(map, 0, most)} label={t("gammaLabel", values)} />
                <figcaption>
                  {t("layer", { number })}
                  <br />
                  {map.size === 1
                    ? t("wholeImage", { value: short(mean) })
                    : `${map.size} × ${map.size} · ⌀ ${short(mean)}`}
                </figcaption>
              </figure>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Scale({ low, high }: { low: number; high: number }) {
  return (
    <p class="scale">
      <span class="visually-hidden">{t("scale", { low: short(low), high: short(high) })}</span>
      <span aria-hidden="true">{short(low)}</span>
      <span class="ramp" aria-hidden="true" />
      <span aria-hidden="true">{short(high)}</span>
    </p>
  );
}

function placeOf(map: PlaceMap): string {
  const { row, column } = summaryOf(map);
  return `${t(row)} ${t(column)}`;
}
