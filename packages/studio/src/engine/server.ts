/**
 * The server's interface for programs (`sdgan serve`), as far as this page uses it. Everything that the page knows
 * about the server's addresses and answers is in this file and in `runs.ts`.
 */
import {
  type Bitmap,
  type Calls,
  type End,
  type Engine,
  EngineError,
  type Generated,
  type GenerateRequest,
  type Ignored,
  type ModelInfo,
  type PlaceMap,
  type StageAttention,
  type WalkRequest,
} from "./engine.js";

type Json = Record<string, unknown>;

/** Where the server is, and who asks. */
export interface Connection {
  /** With a slash at its end. */
  base: string;
  /** The API key, if the server asks for one. */
  key(): string | undefined;
}

export class ServerEngine implements Engine {
  readonly #server: Connection;
  readonly #decode: (png: Blob) => Promise<Bitmap>;

  constructor(server: Connection, decode: (png: Blob) => Promise<Bitmap> = decodePng) {
    this.#server = server;
    this.#decode = decode;
  }

  async models(): Promise<ModelInfo[]> {
    const { data } = await ask(this.#server, "v1/models");
    return list(data).map((model) => ({
      name: String(model.id),
      description: String(model.description ?? ""),
      license: String(model.license ?? ""),
      sizes: numbers(Object(model.sizes).images ?? model.sizes),
      words: Array.isArray(model.words) ? model.words.map(String) : [],
    }));
  }

  /** The server has its models in memory. */
  async prepare(_model: string, onProgress?: (share: number) => void): Promise<void> {
    onProgress?.(1);
  }

  generate(
    { model, prompt, seeds, stages = false, inside = false }: GenerateRequest,
    calls: Calls = {},
  ): Promise<Generated[]> {
    const more = { ...(stages && { stages }), ...(inside && { attention: true, modulation: true }) };
    // The server returns attention and modulation of one image at a time.
    const parts = inside ? seeds.map((seed) => [seed]) : inParts(seeds);
    return this.#images(
      parts.map((part) => ({ model, prompt, seeds: part, ...more })),
      calls,
    );
  }

  walk({ model, from, to, at }: WalkRequest, calls: Calls = {}): Promise<Generated[]> {
    const ends = { from: { prompt: from.prompt, seed: from.seed }, to: { prompt: to.prompt, seed: to.seed } };
    return this.#images(
      inParts(at).map((part) => ({ model, between: { ...ends, at: part } })),
      calls,
    );
  }

  async png(model: string, { prompt, seed }: End): Promise<Blob> {
    const { images } = await ask(this.#server, "api/generate", { body: { model, prompt, seeds: [seed] } });
    return blobOf(list(images)[0]?.png);
  }

  async #images(bodies: Json[], { signal, onImage }: Calls): Promise<Generated[]> {
    const images: Generated[] = [];
    for (const body of bodies) {
      const answer = await ask(this.#server, "api/generate", { body, ...(signal && { signal }) });
      // Decoded beside each other, by the browser's threads.
      const decoded = await Promise.all(list(answer.images).map((image) => this.#imageOf(image)));
      signal?.throwIfAborted();
      for (const generated of decoded) {
        images.push(generated);
        onImage?.(generated, images.length - 1);
      }
    }
    return images;
  }

  async #imageOf(image: Json): Promise<Generated> {
    const earlier = Array.isArray(image.stages) ? image.stages : [];
    const pngs = earlier.map((stage) => (typeof stage === "string" ? stage : Object(stage).png));
    // The last stage's image is the image itself, whether or not the server repeats it.
    const stages = await Promise.all(
      [...pngs.filter((png) => png !== image.png), image.png].map((png) => this.#decode(blobOf(png))),
    );
    return {
      prompt: String(image.prompt ?? ""),
      seed: Number(image.seed ?? 0),
      ignored: ignoredOf(Object(image.ignored)),
      stages,
      attention: list(image.attention).map(attentionOf),
      gammas: list(image.modulation).map(mapOf),
      betas: list(image.shift).map(mapOf),
    };
  }
}

/**
 * Sends a request, and reads the answer's JSON.
 * @throws EngineError with the server's message and code
 */
export async function ask(
  server: Connection,
  path: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Json> {
  const url = new URL(path, server.base);
  const response = await fetch(url, {
    ...(signal && { signal }),
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    headers: { ...authorization(server), ...(body !== undefined && { "Content-Type": "application/json" }) },
  }).catch((cause) => {
    signal?.throwIfAborted();
    throw new EngineError(`${url.href}: no answer: ${cause.message ?? cause}.`, "server.unreachable");
  });
  const answer = await response.json().catch(() => {
    signal?.throwIfAborted();
    return undefined;
  });
  if (response.ok && answer !== null && typeof answer === "object") return answer;
  const { message, code } = Object(Object(answer).error) as { message?: string; code?: string };
  throw new EngineError(
    message ?? `${url.href}: the server answers with status ${response.status}, without JSON.`,
    code ?? (response.ok ? "server.invalid" : `status.${response.status}`),
  );
}

/** Requests of one image, which is shown early, and then of a few: the next letter waits for those that are computed. */
function inParts<Item>(items: readonly Item[]): Item[][] {
  const parts = items.length > 0 ? [items.slice(0, 1)] : [];
  for (let i = 1; i < items.length; i += TOGETHER) parts.push(items.slice(i, i + TOGETHER));
  return parts;
}

const TOGETHER = 4;

/** The header with the key. */
export function authorization({ key }: Connection): Record<string, string> {
  const value = key();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

async function decodePng(png: Blob): Promise<Bitmap> {
  const bitmap = await createImageBitmap(png, { premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { size: width, rgba: context.getImageData(0, 0, width, height).data as Bitmap["rgba"] };
}

function blobOf(png: unknown): Blob {
  if (typeof png !== "string") throw new EngineError("The server's answer has no image.", "server.invalid");
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

function ignoredOf({ unknown, beyond, lost }: Partial<Record<keyof Ignored, unknown>>): Ignored {
  const words = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  return { unknown: words(unknown), beyond: words(beyond), lost: words(lost) };
}

function attentionOf(attention: Json): StageAttention {
  return {
    size: Number(attention.size),
    words: list(attention.words).map(({ word, weights }) => ({
      word: String(word),
      weights: Float32Array.from(numbers(weights)),
    })),
  };
}

function mapOf({ size, values }: Json): PlaceMap {
  return { size: Number(size), values: Float32Array.from(numbers(values)) };
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(Object) : [];
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
