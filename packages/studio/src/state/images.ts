/** The images of the prompt while it is typed: debounced, cancelled, and the latest wins. */
import { effect, signal } from "@preact/signals";
import { type Engine, EngineError, type Generated, type Ignored, isAbort } from "../engine/engine.js";
import { latest } from "../lib/latest.js";
import { engine, model, prompt, seed, view } from "./app.js";
import { history, remember } from "./history.js";
import { oneOf, stored } from "./stored.js";

export const count = stored<number>("count", 8, oneOf(1, 4, 8, 12, 16));
export const showStages = stored<boolean>("stages", false, oneOf(true, false));

/** One for each seed; undefined where there is none yet. While new ones are generated, the previous ones stay. */
export const images = signal<(Generated | undefined)[]>([]);
/** Of the prompt that was generated last. */
export const ignored = signal<Ignored | undefined>(undefined);
export const problem = signal<EngineError | undefined>(undefined);
export const working = signal(false);
/** Milliseconds from the last change to the last image. */
export const took = signal<number | undefined>(undefined);

/** Long enough for the letters of fast typing, too short to be noticed. */
const DEBOUNCE = 30;
/** A prompt that has stood this long is remembered. */
const SETTLED = 1500;

interface Asked {
  /** When the change was made, by `performance.now()`. */
  changed: number;
  used: Engine;
  model: string;
  prompt: string;
  seeds: number[];
  stages: boolean;
}

const work = latest(async (signal, asked: Asked) => {
  working.value = true;
  try {
    const onImage = (image: Generated, index: number) => {
      if (index === 0) {
        ignored.value = image.ignored;
        problem.value = undefined;
        performance.measure(FIRST_IMAGE, { start: asked.changed });
      }
      images.value = asked.seeds.map((_, i) => (i === index ? image : images.peek()[i]));
    };
    await asked.used.generate(asked, { signal, onImage });
    took.value = Math.round(performance.now() - asked.changed);
    rememberSoon(asked);
  } catch (error) {
    if (isAbort(error)) return;
    problem.value = error instanceof EngineError ? error : new EngineError(String(error));
    ignored.value = undefined;
  } finally {
    if (!signal.aborted) working.value = false;
  }
}, DEBOUNCE);

/** The name of the performance entries of each change, from typing to the first image. */
export const FIRST_IMAGE = "sdgan-first-image";

let settling: ReturnType<typeof setTimeout> | undefined;
function rememberSoon({ prompt, seeds, model }: Asked): void {
  settling = setTimeout(() => {
    history.value = remember(history.peek(), { prompt, seed: seeds[0]!, model });
  }, SETTLED);
}

/** Generates whenever the prompt, the seeds, the model or what runs it changes, while the images are in view. */
export function followPrompt(): void {
  effect(() => {
    clearTimeout(settling);
    const name = model.value?.name;
    const text = prompt.value;
    const seeds = Array.from({ length: count.value }, (_, i) => seed.value + i);
    const asked = { used: engine.value, prompt: text, seeds, stages: showStages.value };
    if (view.value !== "generate") return work.cancel();
    if (name === undefined || text.trim() === "") {
      work.cancel();
      images.value = [];
      ignored.value = undefined;
      problem.value = undefined;
      working.value = false;
      return;
    }
    work.call({ ...asked, model: name, changed: performance.now() });
  });
}
