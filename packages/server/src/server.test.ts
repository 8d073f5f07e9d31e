import { readFileSync } from "node:fs";
import { readTexts } from "@sdgan/core";
import { pipeline } from "@sdgan/pipeline";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Keys } from "./keys.js";
import type { ServerOptions } from "./server.js";
import { startServer } from "./server.js";
import { generate, hasOwnImages, send } from "./testing/client.js";
import { startTiny } from "./testing/tiny-server.js";

const KEY = "0123456789abcdef0123";

let server: Awaited<ReturnType<typeof startTiny>>;
let url: string;
beforeAll(async () => {
  server = await startTiny(startServer, { keys: new Keys(new Map([["anna", KEY]])) });
  url = server.url;
});
afterAll(() => server.end());

/** A server of its own, for tests of options. */
async function another(options: Partial<ServerOptions>) {
  const started = await startTiny(startServer, options);
  onTestFinished(() => started.end());
  return started;
}

const withKey = { headers: { Authorization: `Bearer ${KEY}` } };
const ask = (body: unknown, path = "v1/images/generations") =>
  send(`${url}${path}`, { ...withKey, body: JSON.stringify(body) });
const json = ({ text }: { text: string }) => JSON.parse(text);

describe("the client of the OpenAI API", () => {
  const client = () => new OpenAI({ baseURL: `${url}v1`, apiKey: KEY, maxRetries: 0 });

  it("generates images, as large as asked for", async () => {
    const { data, created } = await client().images.generate({
      ...{ model: "tiny", prompt: "a small red bird", n: 2, response_format: "b64_json", user: "somebody" },
    });
    expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(100);
    const pngs = data!.map(({ b64_json }) => Buffer.from(b64_json!, "base64"));
    const texts = pngs.map(readTexts);
    expect(texts.map((text) => [text.Description, text.Number])).toEqual([
      ["a small red bird", "1"],
      ["a small red bird", "2"],
    ]);
    expect(pngs.map((png) => png.readUInt32BE(16))).toEqual([16, 16]);
    const small = await client().images.generate({ prompt: "bird", size: "8x8" as "256x256" });
    expect(Buffer.from(small.data![0]!.b64_json!, "base64").readUInt32BE(16)).toBe(8);
  });

  it("lists the models", async () => {
    const { data: models } = await client().models.list();
    expect(models).toMatchObject([{ id: "tiny", license: "Apache-2.0", sizes: { images: [8, 16] } }]);
    expect(await client().models.retrieve("tiny")).toMatchObject({ id: "tiny" });
  });

  it("gets errors of its own kinds", async () => {
    const errorOf = (work: Promise<unknown>) => work.catch((error) => error);
    const unknown = await errorOf(client().images.generate({ model: "dall-e-2", prompt: "bird" }));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({
      code: "model_not_found",
      param: "model",
      message: expect.stringContaining("tiny"),
    });
    const words = await errorOf(client().images.generate({ prompt: "xyzzy" }));
    expect(words).toBeInstanceOf(OpenAI.BadRequestError);
    expect(words).toMatchObject({ code: "caption.unknown-words", type: "invalid_request_error" });
    const stranger = new OpenAI({ baseURL: `${url}v1`, apiKey: "wrong", maxRetries: 0 });
    expect(await errorOf(stranger.images.generate({ prompt: "bird" }))).toBeInstanceOf(
      OpenAI.AuthenticationError,
    );
  });
});

describe("images", () => {
  it("are those of the pipeline, by prompt and seed", async () => {
    const local = await pipeline("text-to-image", `${server.folder}/tiny`, { threads: 1 });
    onTestFinished(() => local.dispose());
    const answer = await ask({ prompt: "a red bird", seed: 11, n: 2, stages: true });
    expect(hasOwnImages(answer, "a red bird", 11, 2)).toBe(true);
    const images = await local("a red bird", { seed: 11, count: 2, stages: true });
    const { data } = json(answer);
    for (const [i, image] of images.entries()) {
      expect(Buffer.from(data[i].b64_json, "base64").equals(await image.toPng())).toBe(true);
      expect(data[i].stages.map(({ size }: { size: number }) => size)).toEqual([8, 16]);
      expect(Buffer.from(data[i].stages[0].b64_json, "base64").equals(await image.stages[0]!.toPng())).toBe(
        true,
      );
    }
    expect(json(await ask({ prompt: "bird" })).data[0].seed).not.toBe(
      json(await ask({ prompt: "bird" })).data[0].seed,
    );
  });

  it("come with what is known about them for a page", async () => {
    const all = { stages: true, attention: true, modulation: true };
    const { model, images } = json(await ask({ prompt: "a mauve bird", seeds: [5], ...all }, "api/generate"));
    expect([model, images[0].prompt, images[0].seed, images[0].ignored.unknown]).toEqual([
      ...["tiny", "a mauve bird", 5, ["mauve"]],
    ]);
    const [{ size, words }] = images[0].attention;
    expect([size, words.map(({ word }: { word: string }) => word)]).toEqual([8, ["a", "bird"]]);
    expect(words[0].weights[3] + words[1].weights[3]).toBeCloseTo(1, 3);
    for (const maps of [images[0].modulation, images[0].shift])
      expect(maps.map(({ values }: { values: number[] }) => values.length)).toEqual([1, 64]);
    expect(images[0].stages.at(-1).png).toBe(images[0].png);
    const row = json(await ask({ prompt: "bird", seeds: [1, 2, 1] }, "api/generate")).images;
    expect(row[0].png).toBe(row[2].png);
    expect(row[0].png).not.toBe(row[1].png);
  });

  it("lie on the way between two", async () => {
    const [from, to] = [
      { prompt: "a red bird", seed: 1 },
      { prompt: "black wings", seed: 2 },
    ];
    const { images } = json(await ask({ between: { from, to, at: [0, 0.5, 1] } }, "api/generate"));
    expect(images).toHaveLength(3);
    const pixels = (png: string) => Buffer.from(png, "base64").toString("latin1").split("IDAT")[1];
    const [first] = json(await ask({ prompt: from!.prompt, seeds: [1] }, "api/generate")).images;
    expect(pixels(images[0].png)).toBe(pixels(first.png));
    expect(pixels(images[1].png)).not.toBe(pixels(first.png));
  });
});

describe("refusals", () => {
  it.each<[string, object, string, string]>([
    ["an empty prompt", { prompt: "" }, "invalid_request", "prompt"],
    ["a long prompt", { prompt: "bird ".repeat(201) }, "invalid_request", "prompt"],
    ["no prompt", {}, "invalid_request", "prompt"],
    ["too many images", { prompt: "bird", n: 33 }, "invalid_request", "n"],
    ["a fractional seed", { prompt: "bird", seed: 0.5 }, "invalid_request", "seed"],
    ["another size", { prompt: "bird", size: "1024x1024" }, "invalid_request", "size"],
    ["an unknown parameter", { prompt: "bird", steps: 5 }, "invalid_request", "steps"],
    ["URLs", { prompt: "bird", response_format: "url" }, "invalid_request", "response_format"],
    ["streams", { prompt: "bird", stream: true }, "invalid_request", "stream"],
  ])("of %s name the parameter", async (_, body, code, param) => {
    const answer = await ask(body);
    expect(answer.status).toBe(400);
    expect(json(answer).error).toMatchObject({ code, param, type: "invalid_request_error" });
  });

  it.each<[string, object]>([
    ["neither a prompt nor two", {}],
    ["attention for several images", { prompt: "bird", seeds: [1, 2], attention: true }],
    ["a place outside the way", { between: { from: { prompt: "a" }, to: { prompt: "a" }, at: [2] } }],
  ])("of %s, for a page", async (_, body) => {
    expect((await ask(body, "api/generate")).status).toBe(400);
  });

  it("of what is not JSON, too long, or nowhere", async () => {
    const post = (body: string, headers = {}) =>
      send(`${url}v1/images/generations`, { body, headers: { ...withKey.headers, ...headers } });
    expect((await post("{")).status).toBe(400);
    expect((await post("{}", { "Content-Type": "text/plain" })).status).toBe(415);
    expect((await post(JSON.stringify({ prompt: "x".repeat(2 ** 16) }))).status).toBe(413);
    const get = await send(`${url}v1/images/generations`, withKey);
    expect([get.status, get.headers.allow]).toEqual([405, "POST"]);
    expect((await send(`${url}nowhere`)).status).toBe(404);
    expect((await send(`${url}%zz`)).status).toBe(400);
    expect((await send(url, { headers: { "X-Long": "x".repeat(2 ** 15) } })).status).toBe(431);
  });

  it("without a key, except of the page and the state of the server", async () => {
    const status = async (path: string, options = {}) => (await send(`${url}${path}`, options)).status;
    for (const path of ["v1/models", "metrics", "api/runs", "v1/models/tiny"])
      expect(await status(path), path).toBe(401);
    expect(await status("api/generate", { body: "{}" })).toBe(401);
    for (const path of ["", "healthz", "readyz", "openapi.json"]) expect(await status(path), path).toBe(200);
    expect(await status("metrics", withKey)).toBe(200);
  });

  it("of other hosts and other pages", async () => {
    const status = async (headers: Record<string, string>, options = {}) =>
      (await send(`${url}healthz`, { headers, ...options })).status;
    expect(await status({ Host: "evil.example" })).toBe(403);
    expect(await status({ Host: "localhost" })).toBe(200);
    expect(await status({ Origin: "http://evil.example" })).toBe(403);
    const allowed = await another({ origins: ["https://page.example"], hosts: ["images.example"] });
    const page = { Origin: "https://page.example", Host: "images.example" };
    const preflight = await send(`${allowed.url}v1/images/generations`, { method: "OPTIONS", headers: page });
    expect([preflight.status, preflight.headers["access-control-allow-origin"]]).toEqual([204, page.Origin]);
    expect((await send(`${url}healthz`)).headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("of listening elsewhere without keys", async () => {
    await expect(startTiny(startServer, { host: "0.0.0.0" })).rejects.toThrow(
      /--api-key-file FILE, or --no-auth/,
    );
    await another({ host: "0.0.0.0", noAuth: true });
  });

  it("of a port in use, of a model that is not there, and of two models with one name", async () => {
    const port = Number(new URL(url).port);
    await expect(startTiny(startServer, { port })).rejects.toThrow(/EADDRINUSE.*another --port/);
    await expect(startTiny(startServer, { models: ["/no/model"] })).rejects.toThrow(
      /\/no\/model\/model.json/,
    );
    const model = `${server.folder}/tiny`;
    await expect(startTiny(startServer, { models: [model, model] })).rejects.toThrow(
      /Two models have one name/,
    );
  });

  it("of more requests in a minute than a key may have", async () => {
    const limited = await another({ limits: { rate: 3 } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await send(`${limited.url}v1/models`)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const last = await generate(limited.url, { prompt: "bird" });
    expect([last.status, json(last).error.type]).toEqual([429, "rate_limit_error"]);
    expect(Number(last.headers["retry-after"])).toBeGreaterThan(0);
    expect((await send(`${limited.url}healthz`)).status).toBe(200);
  });
});

it("counts and logs requests, without prompts and keys", async () => {
  await ask({ prompt: "a long black tail" });
  await ask({ prompt: "secretword" });
  const { text } = await send(`${url}metrics`, withKey);
  expect(text).toMatch(
    /sdgan_requests_total\{route="\/v1\/images\/generations",method="POST",status="200"\} \d+/,
  );
  expect(text).toMatch(/sdgan_images_total\{model="tiny"\} \d+/);
  for (const name of ["sdgan_queue_images", "sdgan_batch_images_bucket", "process_resident_memory_bytes"])
    expect(text).toContain(name);
  await expect.poll(() => readFileSync(server.log, "utf8")).toMatch(/"status":400[^\n]*"model":"tiny"/);
  const log = readFileSync(server.log, "utf8");
  expect(log).toContain('"key":"anna"');
  for (const secret of ["secretword", "black tail", KEY]) expect(log).not.toContain(secret);
});

it("logs prompts if asked", async () => {
  const open = await another({ logPrompts: true });
  await generate(open.url, { prompt: "a long black tail" });
  await expect.poll(() => readFileSync(open.log, "utf8")).toContain("a long black tail");
});

it("describes itself", async () => {
  const document = json(await send(`${url}openapi.json`));
  expect(document.openapi).toBe("3.1.0");
  const body = document.paths["/v1/images/generations"].post.requestBody.content["application/json"].schema;
  expect(body.required).toEqual(["prompt"]);
  expect(Object.keys(body.properties)).toEqual(
    expect.arrayContaining(["prompt", "n", "size", "seed", "stages"]),
  );
  for (const path of Object.keys(document.paths)) {
    const method = document.paths[path].get ? "GET" : "POST";
    const { status } = await send(`${url}${path.slice(1)}`, { method, ...withKey });
    expect(status, path).not.toBe(405);
  }
});
