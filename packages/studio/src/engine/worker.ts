/** Runs the pipeline beside the page, so that typing never waits for a network. */
import { type GeneratedImage, pipeline, type TextToImage } from "@sdgan/pipeline";
import type { Generated, GenerateRequest, WalkRequest } from "./engine.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** Loaded models by name, the least recently used first. */
const loaded = new Map<string, Promise<TextToImage>>();
/** Comparing more models loads some again. */
const MOST_LOADED = 6;

const running = new Map<number, AbortController>();

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  const { id } = data;
  if (data.kind === "abort") return running.get(id)?.abort();
  const stop = new AbortController();
  running.set(id, stop);
  try {
    await answer(data, stop.signal);
    send({ id, kind: "done" });
  } catch (error) {
    const { message, code } = Object(error) as { message?: string; code?: string };
    const aborted = stop.signal.aborted;
    send({ id, kind: "error", message: message ?? String(error), code: code ?? "unknown", aborted });
  } finally {
    running.delete(id);
  }
};

async function answer(asked: Exclude<ToWorker, { kind: "abort" }>, signal: AbortSignal): Promise<void> {
  const { id, modelsUrl } = asked;
  switch (asked.kind) {
    case "prepare":
      await modelOf(asked.model, modelsUrl, (share) => send({ id, kind: "progress", share }));
      return;
    case "generate":
      return generate(id, await modelOf(asked.request.model, modelsUrl), asked.request, signal);
    case "walk":
      return walk(id, await modelOf(asked.request.model, modelsUrl), asked.request, signal);
    case "png": {
      const model = await modelOf(asked.model, modelsUrl);
      const [image] = await model(asked.end.prompt, { seed: asked.end.seed });
      const png = await image!.toPng();
      return send({ id, kind: "png", png }, [png.buffer]);
    }
  }
}

async function generate(
  id: number,
  model: TextToImage,
  { prompt, seeds, stages = false, inside = false }: GenerateRequest,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, seed] of seeds.entries()) {
    const [image] = await model(prompt, { seed, stages, attention: inside, modulation: inside, signal });
    sendImage(id, index, image!);
  }
}

async function walk(
  id: number,
  model: TextToImage,
  { from, to, at }: WalkRequest,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, t] of at.entries()) {
    const [image] = await model.between(from, to, { at: [t], signal });
    sendImage(id, index, image!);
  }
}

function sendImage(id: number, index: number, image: GeneratedImage): void {
  const stages = image.stages.map((stage) => ({ size: stage.size, rgba: stage.toRgba() }));
  const generated: Generated = {
    ...{ prompt: image.prompt, seed: image.seed, ignored: image.ignored, stages },
    attention: image.attention.map(({ size, words }) => ({ size, words })),
    gammas: [...image.modulation],
    betas: [...image.shift],
  };
  send(
    { id, kind: "image", image: generated, index },
    stages.map(({ rgba }) => rgba.buffer),
  );
}

/** A model is loaded once; one that could not be loaded is tried again. */
function modelOf(name: string, modelsUrl: string, onShare?: (share: number) => void): Promise<TextToImage> {
  const found = loaded.get(name);
  if (found) {
    loaded.delete(name);
    loaded.set(name, found);
    return found;
  }
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) => onShare?.(loaded / total);
  const loading = pipeline("text-to-image", name, { modelsUrl, onProgress });
  loaded.set(name, loading);
  loading.catch(() => loaded.delete(name));
  for (const [oldest, model] of loaded) {
    if (loaded.size <= MOST_LOADED) break;
    loaded.delete(oldest);
    void model.then((each) => each.dispose()).catch(() => {});
  }
  return loading;
}

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}
