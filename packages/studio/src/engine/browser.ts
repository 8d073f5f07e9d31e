/** The pipeline in this browser, in a worker. */
import {
  type Calls,
  type End,
  type Engine,
  EngineError,
  type Generated,
  type GenerateRequest,
  type ModelInfo,
  type WalkRequest,
} from "./engine.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** The part of `Worker` that is used. */
export interface WorkerLike {
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: ToWorker): void;
}

type Asked = ToWorker extends infer Each
  ? Each extends { id: number }
    ? Omit<Each, "id" | "modelsUrl">
    : never
  : never;

/**
 * @param modelsUrl the folder of the models, with `index.json`, which lists their names: `{ "models": ["birds"] }`
 */
export class BrowserEngine implements Engine {
  readonly #modelsUrl: string;
  readonly #start: () => WorkerLike;
  #worker: WorkerLike | undefined;
  #next = 1;
  readonly #waiting = new Map<number, (message: FromWorker) => void>();

  constructor(modelsUrl: string, start: () => WorkerLike) {
    this.#modelsUrl = modelsUrl;
    this.#start = start;
  }

  async models(): Promise<ModelInfo[]> {
    const list = await json(new URL("index.json", this.#modelsUrl));
    const names = Array.isArray(list.models) ? list.models.filter((name) => typeof name === "string") : [];
    return Promise.all(names.map((name) => this.#describe(name)));
  }

  async prepare(model: string, onProgress?: (share: number) => void): Promise<void> {
    await this.#ask({ kind: "prepare", model }, (message) => {
      if (message.kind === "progress") onProgress?.(message.share);
    });
  }

  generate(request: GenerateRequest, calls: Calls = {}): Promise<Generated[]> {
    return this.#images({ kind: "generate", request }, calls);
  }

  walk(request: WalkRequest, calls: Calls = {}): Promise<Generated[]> {
    return this.#images({ kind: "walk", request }, calls);
  }

  async png(model: string, end: End): Promise<Blob> {
    let png: Uint8Array<ArrayBuffer> = new Uint8Array();
    await this.#ask({ kind: "png", model, end }, (message) => {
      if (message.kind === "png") png = message.png;
    });
    return new Blob([png], { type: "image/png" });
  }

  async #images(asked: Asked, { signal, onImage }: Calls): Promise<Generated[]> {
    const images: Generated[] = [];
    const receive = (message: FromWorker) => {
      // An image that was under way when the work was ended is not of interest any more.
      if (message.kind !== "image" || signal?.aborted) return;
      images.push(message.image);
      onImage?.(message.image, message.index);
    };
    await this.#ask(asked, receive, signal);
    return images;
  }

  /** Sends a question, and resolves when the worker has done what was asked. */
  #ask(asked: Asked, receive: (message: FromWorker) => void, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError());
      const id = this.#next++;
      const end = () => {
        this.#waiting.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        end();
        this.#worker?.postMessage({ id, kind: "abort" });
        reject(abortError());
      };
      signal?.addEventListener("abort", abort);
      this.#waiting.set(id, (message) => {
        if (message.kind === "done") {
          end();
          resolve();
        } else if (message.kind === "error") {
          end();
          reject(message.aborted ? abortError() : new EngineError(message.message, message.code));
        } else receive(message);
      });
      this.#running().postMessage({ ...asked, id, modelsUrl: this.#modelsUrl } as ToWorker);
    });
  }

  #running(): WorkerLike {
    if (this.#worker) return this.#worker;
    const worker = this.#start();
    worker.onmessage = ({ data }) => this.#waiting.get(data.id)?.(data);
    // A worker whose script fails to load answers nothing: everything that waits fails, and the next call starts anew.
    worker.onerror = ({ message }) => {
      this.#worker = undefined;
      const text = `The worker stopped: ${message || "its script cannot be loaded"}. Reload the page.`;
      for (const [id, tell] of [...this.#waiting])
        tell({ id, kind: "error", message: text, code: "worker.stopped", aborted: false });
    };
    this.#worker = worker;
    return worker;
  }

  async #describe(name: string): Promise<ModelInfo> {
    const folder = new URL(`${encodeURIComponent(name)}/`, this.#modelsUrl);
    const manifest = await json(new URL("model.json", folder));
    const { words } = await json(new URL(String(Object(manifest.vocabulary).file), folder));
    const sizes = Object(manifest.sizes).images;
    return {
      name,
      description: String(manifest.description ?? ""),
      license: String(manifest.license ?? ""),
      sizes: Array.isArray(sizes) ? sizes.filter((size) => typeof size === "number") : [],
      words: Array.isArray(words) ? words.map(String) : [],
    };
  }
}

function abortError(): Error {
  return new DOMException("The work was ended.", "AbortError");
}

async function json(url: URL): Promise<Record<string, unknown>> {
  const response = await fetch(url).catch((cause) => {
    throw new EngineError(`${url.href}: cannot be read: ${cause.message ?? cause}.`, "file.missing");
  });
  if (!response.ok)
    throw new EngineError(`${url.href}: the server answers with status ${response.status}.`, "file.missing");
  try {
    return Object(await response.json());
  } catch {
    throw new EngineError(`${url.href}: is not JSON.`, "file.invalid");
  }
}
