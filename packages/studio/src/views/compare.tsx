import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { EngineError, type Generated, isAbort } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { colored, difference } from "../lib/colors.js";
import { examplesFor } from "../lib/examples.js";
import { latest } from "../lib/latest.js";
import { short } from "../lib/maps.js";
import { BitmapCanvas } from "../parts/bitmap.js";
import { NumberField } from "../parts/fields.js";
import { PromptField } from "../parts/prompt.js";
import { Notice } from "../parts/status.js";
import { engine, model, modelList, seed } from "../state/app.js";

const captions: readonly [Signal<string>, Signal<string>] = [signal(""), signal("")];
/** Names of the models that are compared; those that are not in the list are ignored. */
const chosen = signal<string[]>([]);

interface Row {
  model: string;
  /** Of both captions; undefined where a model knows no word of it. */
  images: (Generated | undefined)[];
  errors: string[];
}

/** Two captions with the same noise, in one or several models. */
export function CompareView() {
  const [rows, setRows] = useState<Row[]>([]);
  const [work] = useState(() =>
    latest(async (signal, used: typeof engine.value, models: string[], prompts: string[], seed: number) => {
      const result: Row[] = [];
      for (const name of models) {
        const row: Row = { model: name, images: [], errors: [] };
        for (const prompt of prompts) {
          try {
            const [image] = await used.generate({ model: name, prompt, seeds: [seed] }, { signal });
            row.images.push(image);
          } catch (error) {
            if (isAbort(error)) return;
            row.images.push(undefined);
            row.errors.push(error instanceof EngineError ? error.message : String(error));
          }
        }
        result.push(row);
        setRows([...result]);
      }
    }, 60),
  );
  const models = modelList.value.state === "ready" ? modelList.value.models : [];
  const names = models.map(({ name }) => name).filter((name) => chosen.value.includes(name));
  const used = names.length > 0 ? names : model.value ? [model.value.name] : [];
  const [a, b] = captions.map(({ value }) => value) as [string, string];
  useEffect(() => {
    const examples = examplesFor(model.value?.words ?? []);
    if (a === "" && b === "" && examples.length > 0) {
      captions[0].value = examples[0]!;
      captions[1].value = examples[1] ?? examples[0]!;
    } else if (a.trim() !== "" && b.trim() !== "") work.call(engine.value, used, [a, b], seed.value);
    return work.cancel;
  }, [engine.value, used.join("\n"), a, b, seed.value]);
  return (
    <>
      <section class="panel">
        <p class="intro">{t("compareIntro")}</p>
        <div class="two">
          {captions.map((caption, i) => (
            <PromptField
              key={i}
              label={t(i === 0 ? "captionA" : "captionB")}
              value={caption.value}
              ignored={rows[0]?.images[i]?.ignored}
              onInput={(value) => {
                caption.value = value;
              }}
            />
          ))}
        </div>
        <div class="controls">
          <NumberField
            label={t("seed")}
            value={seed.value}
            onChange={(value) => {
              seed.value = value;
            }}
          />
          <fieldset class="models">
            <legend>{t("models")}</legend>
            {models.map(({ name }) => (
              <label key={name} class="check">
                <input
                  type="checkbox"
                  checked={used.includes(name)}
                  onChange={(event) => {
                    const others = used.filter((each) => each !== name);
                    chosen.value = event.currentTarget.checked ? [...others, name] : others;
                  }}
                />
                {name}
              </label>
            ))}
          </fieldset>
        </div>
      </section>
      {rows.map((row) => (
        <ComparedRow key={row.model} {...row} />
      ))}
    </>
  );
}

function ComparedRow({ model: name, images, errors }: Row) {
  const [a, b] = images.map((image) => image?.stages.at(-1));
  const between = a && b && difference(a, b);
  return (
    <section>
      <h2>{name}</h2>
      {errors.map((message) => (
        <Notice key={message} kind="error">
          <p>{message}</p>
        </Notice>
      ))}
      <div class="compared">
        {images.map((image, i) => (
          <figure key={i}>
            <BitmapCanvas
              bitmap={image?.stages.at(-1)}
              {...(image && { label: t("imageLabel", { prompt: image.prompt, seed: image.seed }) })}
            />
            <figcaption>
              {i === 0 ? "A" : "B"}: <span dir="auto">{image?.prompt}</span>
            </figcaption>
          </figure>
        ))}
        {between && (
          <figure>
            <BitmapCanvas
              bitmap={colored(between, 0, 255)}
              label={t("differenceLabel", { mean: short(between.mean) })}
            />
            <figcaption>
              {t("difference")}: {t("differenceMean", { mean: short(between.mean) })}
            </figcaption>
          </figure>
        )}
      </div>
    </section>
  );
}
