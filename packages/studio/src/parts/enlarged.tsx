import { useEffect, useRef, useState } from "preact/hooks";
import { type Generated, isAbort } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { addressOf, engine, model, seed, view } from "../state/app.js";
import { BitmapCanvas } from "./bitmap.js";
import { fileName, save } from "./save.js";

interface Props {
  images: readonly Generated[];
  /** Index of the image that is shown. */
  index: number;
  onIndex: (index: number) => void;
  onClose: () => void;
}

/** One of the images, large, with its stages and what can be done with it. The arrow keys show the others. */
export function Enlarged({ images, index, onIndex, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [message, setMessage] = useState("");
  const [stages, setStages] = useState<Generated | undefined>();
  const image = images[index]!;
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  useEffect(() => {
    setMessage("");
    setStages(undefined);
    const stop = new AbortController();
    const request = { model: model.value!.name, prompt: image.prompt, seeds: [image.seed], stages: true };
    engine.value.generate(request, { signal: stop.signal }).then(
      ([whole]) => setStages(whole),
      (error) => !isAbort(error) && setMessage(String(error.message)),
    );
    return () => stop.abort();
  }, [image]);
  const move = (by: number) => onIndex((index + by + images.length) % images.length);
  const link = addressOf({
    view: "generate",
    prompt: image.prompt,
    seed: image.seed,
    model: model.value!.name,
  });
  const copy = () =>
    navigator.clipboard.writeText(link).then(
      () => setMessage(t("copied")),
      () => setMessage(t("copyFailed", { link })),
    );
  const download = () =>
    engine.value.png(model.value!.name, image).then(
      (png) => save(png, fileName(image.prompt, `${image.seed}.png`)),
      (error) => setMessage(String(error.message)),
    );
  const label = t("imageLabel", { prompt: image.prompt, seed: image.seed });
  return (
    <dialog
      ref={dialog}
      class="enlarged"
      aria-label={label}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") move(-1);
        if (event.key === "ArrowRight") move(1);
      }}
    >
      <article>
        <header>
          <p>
            <strong dir="auto">{image.prompt}</strong>
            <br />
            <small>
              {t("seed")} {image.seed} · {model.value!.name}
            </small>
          </p>
          <button type="button" class="plain" aria-label={t("close")} onClick={() => dialog.current?.close()}>
            <span aria-hidden="true">✕</span>
          </button>
        </header>
        <BitmapCanvas bitmap={image.stages.at(-1)} label={label} class="large" />
        <div class="stages">
          {stages?.stages.map((stage, i) => (
            <figure key={stage.size}>
              <BitmapCanvas bitmap={stage} label={t("stageLabel", { stage: i + 1, size: stage.size })} />
              <figcaption>
                {stage.size} × {stage.size}
              </figcaption>
            </figure>
          ))}
        </div>
        <footer>
          <button type="button" class="secondary outline" onClick={() => move(-1)}>
            ← {t("previous")}
          </button>
          <button type="button" class="secondary outline" onClick={() => move(1)}>
            {t("next")} →
          </button>
          <button type="button" onClick={() => void download()}>
            {t("download")}
          </button>
          <button type="button" class="secondary outline" onClick={() => void copy()}>
            {t("copyLink")}
          </button>
          <button
            type="button"
            class="secondary outline"
            onClick={() => {
              seed.value = image.seed;
              view.value = "inside";
            }}
          >
            {t("lookInside")}
          </button>
        </footer>
        <p role="status" class="notes">
          {message}
        </p>
      </article>
    </dialog>
  );
}
