import { afterEach, expect, it, vi } from "vitest";
import { ServerEngine } from "./server.js";

afterEach(() => void vi.unstubAllGlobals());

const bitmap = { size: 1, rgba: new Uint8ClampedArray(4) };
const decoded: string[] = [];
let key: string | undefined;
const engine = new ServerEngine({ base: "http://host/s/", key: () => key }, async (png) => {
  decoded.push(await png.text());
  return bitmap;
});
const png = (text: string) => btoa(text);

function answering(answer: (body: Record<string, unknown>, path: string) => Response) {
  const bodies: Record<string, unknown>[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit = {}) => {
    init.signal?.throwIfAborted();
    const body = init.body ? JSON.parse(String(init.body)) : {};
    bodies.push(body);
    return answer(body, url.pathname);
  });
  return bodies;
}

const imagesOf = (seeds: number[]) =>
  Response.json({
    images: seeds.map((seed) => ({
      prompt: "p",
      seed,
      png: png(`last${seed}`),
      ignored: { unknown: ["x"] },
    })),
  });

it("asks for the first image alone, so that it comes early, then for four at a time", async () => {
  const bodies = answering(({ seeds }) => imagesOf(seeds as number[]));
  const seen: number[] = [];
  const seeds = Array.from({ length: 12 }, (_, i) => i);
  const images = await engine.generate(
    { model: "m", prompt: "p", seeds },
    { onImage: (_, i) => seen.push(i) },
  );
  expect(bodies.map((body) => (body.seeds as number[]).length)).toEqual([1, 4, 4, 3]);
  expect(bodies[0]).toEqual({ model: "m", prompt: "p", seeds: [0] });
  expect(images.map(({ seed }) => seed)).toEqual(seeds);
  expect(seen).toEqual(seeds);
  expect(images[0]!.ignored).toEqual({ unknown: ["x"], beyond: [], lost: [] });
});

it("reads stages, attention and modulation", async () => {
  decoded.length = 0;
  const bodies = answering(() =>
    Response.json({
      images: [
        {
          ...{ prompt: "p", seed: 1, png: png("last"), ignored: {} },
          stages: [
            { size: 8, png: png("first") },
            { size: 16, png: png("last") },
          ],
          attention: [{ size: 1, words: [{ word: "red", weights: [0.5] }] }],
          modulation: [{ size: 1, values: [2] }],
          shift: [{ size: 1, values: [3] }],
        },
      ],
    }),
  );
  const [image] = await engine.generate({ model: "m", prompt: "p", seeds: [1], stages: true, inside: true });
  expect(bodies).toEqual([
    { model: "m", prompt: "p", seeds: [1], stages: true, attention: true, modulation: true },
  ]);
  expect(decoded).toEqual(["first", "last"]);
  expect(image!.attention).toEqual([{ size: 1, words: [{ word: "red", weights: Float32Array.of(0.5) }] }]);
  expect(image!.gammas).toEqual([{ size: 1, values: Float32Array.of(2) }]);
  expect(image!.betas).toEqual([{ size: 1, values: Float32Array.of(3) }]);
});

it("asks for the way between two images", async () => {
  const bodies = answering(() => imagesOf([1]));
  const [from, to] = [
    { prompt: "a", seed: 1 },
    { prompt: "b", seed: 2 },
  ];
  await engine.walk({ model: "m", from, to, at: [0, 0.5, 1] });
  expect(bodies).toEqual([
    { model: "m", between: { from, to, at: [0] } },
    { model: "m", between: { from, to, at: [0.5, 1] } },
  ]);
});

it("reports the server's message and code, and what is not an answer of it", async () => {
  answering(() =>
    Response.json({ error: { message: "no word", code: "caption.unknown-words" } }, { status: 400 }),
  );
  const ask = () => engine.generate({ model: "m", prompt: "p", seeds: [1] });
  await expect(ask()).rejects.toMatchObject({ message: "no word", code: "caption.unknown-words" });
  answering(() => new Response("<html>", { status: 502 }));
  await expect(ask()).rejects.toMatchObject({ code: "status.502", message: expect.stringContaining("502") });
  answering(() => new Response("<html>"));
  await expect(ask()).rejects.toMatchObject({ code: "server.invalid" });
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("refused")));
  await expect(ask()).rejects.toMatchObject({ code: "server.unreachable" });
});

it("ends a request when its signal says so", async () => {
  answering(() => imagesOf([1]));
  const signal = AbortSignal.abort();
  await expect(engine.generate({ model: "m", prompt: "p", seeds: [1] }, { signal })).rejects.toMatchObject({
    name: "AbortError",
  });
});

it("sends the API key, if there is one", async () => {
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", async (_: URL, init: RequestInit) => {
    sent.push(new Headers(init.headers).get("authorization"));
    return Response.json({ data: [] });
  });
  await engine.models();
  key = "secret";
  await engine.models();
  key = undefined;
  expect(sent).toEqual([null, "Bearer secret"]);
});
