import { afterEach, expect, it, vi } from "vitest";
import { BrowserEngine, type WorkerLike } from "./browser.js";
import type { Generated } from "./engine.js";
import type { FromWorker, ToWorker } from "./messages.js";

afterEach(() => void vi.unstubAllGlobals());

/** A worker that answers as it is told. */
class FakeWorker implements WorkerLike {
  onmessage: WorkerLike["onmessage"] = null;
  onerror: WorkerLike["onerror"] = null;
  readonly asked: ToWorker[] = [];
  postMessage(message: ToWorker): void {
    this.asked.push(message);
  }
  answer(message: FromWorker): void {
    this.onmessage!({ data: message } as MessageEvent<FromWorker>);
  }
}

const image = { prompt: "p", seed: 1 } as Generated;
const request = { model: "m", prompt: "p", seeds: [1, 2] };

function start() {
  const workers: FakeWorker[] = [];
  const engine = new BrowserEngine("http://host/models/", () => {
    workers.push(new FakeWorker());
    return workers.at(-1)!;
  });
  return { engine, workers };
}

it("hands on images as they come, and all at the end", async () => {
  const { engine, workers } = start();
  const seen: number[] = [];
  const done = engine.generate(request, { onImage: (_, index) => seen.push(index) });
  const { id } = workers[0]!.asked[0]!;
  expect(workers[0]!.asked[0]).toMatchObject({ kind: "generate", request, modelsUrl: "http://host/models/" });
  workers[0]!.answer({ id, kind: "image", image, index: 0 });
  expect(seen).toEqual([0]);
  workers[0]!.answer({ id, kind: "image", image, index: 1 });
  workers[0]!.answer({ id, kind: "done" });
  expect(await done).toEqual([image, image]);
});

it("ends work at once, tells the worker, and ignores what it still sends", async () => {
  const { engine, workers } = start();
  const stop = new AbortController();
  let images = 0;
  const done = engine.generate(request, { signal: stop.signal, onImage: () => images++ });
  const { id } = workers[0]!.asked[0]!;
  stop.abort();
  await expect(done).rejects.toMatchObject({ name: "AbortError" });
  expect(workers[0]!.asked.at(-1)).toEqual({ id, kind: "abort" });
  workers[0]!.answer({ id, kind: "image", image, index: 0 });
  expect(images).toBe(0);
  await expect(engine.generate(request, { signal: stop.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
});

it("hands on errors with their codes", async () => {
  const { engine, workers } = start();
  const done = engine.png("m", { prompt: "xyzzy", seed: 0 });
  const { id } = workers[0]!.asked[0]!;
  workers[0]!.answer({
    id,
    kind: "error",
    message: "no word",
    code: "caption.unknown-words",
    aborted: false,
  });
  await expect(done).rejects.toMatchObject({ message: "no word", code: "caption.unknown-words" });
});

it("starts another worker after one that stopped", async () => {
  const { engine, workers } = start();
  const done = engine.prepare("m");
  workers[0]!.onerror!({ message: "out of memory" } as ErrorEvent);
  await expect(done).rejects.toThrow("out of memory");
  const again = engine.prepare("m");
  expect(workers).toHaveLength(2);
  workers[1]!.answer({ id: workers[1]!.asked[0]!.id, kind: "done" });
  await again;
});

it("lists the models beside the page", async () => {
  const files: Record<string, unknown> = {
    "/models/index.json": { models: ["birds", 7] },
    "/models/birds/model.json": {
      ...{ description: "Birds.", license: "MIT", sizes: { images: [16, 32] } },
      vocabulary: { file: "words.json" },
    },
    "/models/birds/words.json": { words: ["<end>", "bird"] },
  };
  vi.stubGlobal("fetch", async ({ pathname }: URL) =>
    pathname in files ? Response.json(files[pathname]) : new Response("", { status: 404 }),
  );
  const { engine } = start();
  expect(await engine.models()).toEqual([
    { name: "birds", description: "Birds.", license: "MIT", sizes: [16, 32], words: ["<end>", "bird"] },
  ]);
  delete files["/models/index.json"];
  await expect(engine.models()).rejects.toMatchObject({ code: "file.missing" });
});
