import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { type End, EngineError, type Generated, isAbort } from "../engine/engine.js";
import { t } from "../i18n/index.js";
import { examplesFor } from "../lib/examples.js";
import { animated } from "../lib/gif.js";
import { latest } from "../lib/latest.js";
import { BitmapCanvas } from "../parts/bitmap.js";
import { Choice, ModelChoice, NumberField, Slider } from "../parts/fields.js";
import { PromptField } from "../parts/prompt.js";
import { fileName, save } from "../parts/save.js";
import { Notice } from "../parts/status.js";
import { engine, model } from "../state/app.js";

const ends: readonly [Signal<End>, Signal<End>] = [
  signal({ prompt: "", seed: 0 }),
  signal({ prompt: "", seed: 1 }),
];
const frameCount = signal(24);
const position = signal(0);
const frames = signal<Generated[]>([]);

/** From one image to another, by seed, caption or both. */
export function WalkView() {
  const [error, setError] = useState<EngineError | undefined>();
  const [playing, setPlaying] = useState(false);
  const [work] = useState(() =>
    latest(async (signal, used: typeof engine.value, name: string, from: End, to: End, count: number) => {
      try {
        const at = Array.from({ length: count }, (_, i) => i / (count - 1));
        const ready: Generated[] = [];
        await used.walk({ model: name, from, to, at }, { signal, onImage: (image) => ready.push(image) });
        frames.value = ready;
        setError(undefined);
      } catch (cause) {
        if (!isAbort(cause)) setError(cause instanceof EngineError ? cause : new EngineError(String(cause)));
      }
    }, 150),
  );
  const [from, to] = ends.map(({ value }) => value) as [End, End];
  const name = model.value?.name;
  useEffect(() => {
    const examples = examplesFor(model.value?.words ?? []);
    if (from.prompt === "" && to.prompt === "" && examples.length > 0) {
      ends[0].value = { prompt: examples[0]!, seed: 0 };
      ends[1].value = { prompt: examples[1] ?? examples[0]!, seed: 1 };
    } else if (name !== undefined && from.prompt.trim() !== "" && to.prompt.trim() !== "")
      work.call(engine.value, name, from, to, frameCount.value);
    return work.cancel;
  }, [engine.value, name, from, to, frameCount.value]);
  useEffect(() => {
    if (!playing) return;
    let direction = 1;
    const timer = setInterval(() => {
      const last = frames.value.length - 1;
      if (position.value >= last) direction = -1;
      if (position.value <= 0) direction = 1;
      position.value = Math.min(last, Math.max(0, position.value + direction));
    }, FRAME);
    return () => clearInterval(timer);
  }, [playing]);
  const last = Math.max(0, frames.value.length - 1);
  const index = Math.min(position.value, last);
  const percent = last > 0 ? Math.round((100 * index) / last) : 0;
  const frame = frames.value[index];
  const download = () => {
    const bitmaps = frames.value.map(({ stages }) => stages.at(-1)!);
    const scale = Math.max(1, Math.round(256 / bitmaps[0]!.size));
    const gif = new Blob([animated(bitmaps, { scale, delay: FRAME })], { type: "image/gif" });
    save(gif, fileName(from.prompt === to.prompt ? from.prompt : `${from.prompt} ${to.prompt}`, "walk.gif"));
  };
  return (
    <>
      <section class="panel">
        <p class="intro">{t("walkIntro")}</p>
        <div class="two">
          <EndFields end={ends[0]} label={t("from")} seedLabel={t("seedFrom")} image={frames.value[0]} />
          <EndFields end={ends[1]} label={t("to")} seedLabel={t("seedTo")} image={frames.value[last]} />
        </div>
        <div class="controls">
          <ModelChoice />
          <Choice
            label={t("frames")}
            value={String(frameCount.value)}
            options={["8", "16", "24", "48"].map((each) => [each, each])}
            onChange={(value) => {
              frameCount.value = Number(value);
            }}
          />
          <button
            type="button"
            class="secondary outline"
            onClick={() => {
              [ends[0].value, ends[1].value] = [to, from];
            }}
          >
            ⇄ {t("swap")}
          </button>
        </div>
      </section>
      {error && (
        <Notice kind="error">
          <p>{error.message}</p>
        </Notice>
      )}
      {frame && (
        <section class={`walked ${error ? "stale" : ""}`}>
          <BitmapCanvas bitmap={frame.stages.at(-1)} label={t("frameLabel", { percent })} class="large" />
          <div>
            <Slider
              label={t("position")}
              value={index}
              most={last}
              text={`${percent} %`}
              onInput={(value) => {
                setPlaying(false);
                position.value = value;
              }}
            />
            <div class="controls">
              <button type="button" onClick={() => setPlaying(!playing)}>
                {playing ? `❚❚ ${t("pause")}` : `▶ ${t("play")}`}
              </button>
              <button type="button" class="secondary outline" onClick={download}>
                {t("downloadGif")}
              </button>
            </div>
            <div class="strip" aria-hidden="true">
              {frames.value
                .filter((_, i) => i % Math.ceil(frames.value.length / 8) === 0 || i === last)
                .map((each, i) => (
                  <BitmapCanvas key={i} bitmap={each.stages.at(-1)} />
                ))}
            </div>
          </div>
        </section>
      )}
    </>
  );
}

/** Milliseconds of a frame. */
const FRAME = 80;

function EndFields({
  end,
  label,
  seedLabel,
  image,
}: {
  end: Signal<End>;
  label: string;
  seedLabel: string;
  image: Generated | undefined;
}) {
  return (
    <div>
      <PromptField
        label={label}
        value={end.value.prompt}
        ignored={image?.ignored}
        onInput={(prompt) => {
          end.value = { ...end.value, prompt };
        }}
      />
      <NumberField
        label={seedLabel}
        value={end.value.seed}
        onChange={(seed) => {
          end.value = { ...end.value, seed };
        }}
      />
    </div>
  );
}
