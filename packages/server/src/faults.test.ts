/** What goes wrong between a server, its processes and its clients: nothing hangs, and every image is the right one. */
import { existsSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { type RunningServer, type ServerOptions, startServer } from "./server.js";
import { type Answer, generate, hasOwnImages, send } from "./testing/client.js";
import { startTiny, WORDS } from "./testing/tiny-server.js";

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startTiny(startServer, options);
  onTestFinished(() => server.end());
  return server;
}

/** Sends requests at once, each with a prompt and seed of its own; returns which were answered how. */
function askMany(url: string, count: number): Promise<("own" | "refused" | "closed" | string)[]> {
  const one = async (seed: number) => {
    const prompt = `${WORDS[seed % WORDS.length]} ${WORDS[(seed >> 1) % WORDS.length]}`;
    const answer = await generate(url, { prompt, seed, n: 2 }).catch((error) => error as Error);
    if (answer instanceof Error) return "closed";
    if (answer.status === 200) return hasOwnImages(answer, prompt, seed, 2) ? "own" : "another's";
    return isRefusal(answer) ? "refused" : `${answer.status} ${answer.text}`;
  };
  return Promise.all(Array.from({ length: count }, (_, seed) => one(seed)));
}

function isRefusal({ status, headers }: Answer): boolean {
  return status === 503 && Number(headers["retry-after"]) > 0;
}

async function metric(url: string, name: string): Promise<number> {
  const { text } = await send(`${url}metrics`);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

it("an inference process that is killed in the middle costs no request its image", async () => {
  const server = await start({ processes: 2 });
  await expect.poll(() => server.inferencePids().length, { timeout: 60_000 }).toBe(2);
  const [killed] = server.inferencePids();
  const all = askMany(server.url, 30);
  await wait(30);
  process.kill(killed!, "SIGKILL");
  expect(new Set(await all)).toEqual(new Set(["own"]));
  expect(await metric(server.url, "sdgan_inference_restarts_total")).toBe(1);
  await expect.poll(() => server.inferencePids().length, { timeout: 60_000 }).toBe(2);
  expect(server.inferencePids()).not.toContain(killed);
});

it("without any inference process the server is not ready, and recovers", async () => {
  const server = await start();
  process.kill(server.inferencePids()[0]!, "SIGKILL");
  await expect.poll(() => server.inferencePids().length).toBe(0);
  expect((await send(`${server.url}readyz`)).status).toBe(503);
  expect(await askMany(server.url, 2)).toEqual(["own", "own"]);
  expect((await send(`${server.url}readyz`)).status).toBe(200);
});

it("clients that hang up free their places, and disturb no other", async () => {
  const server = await start();
  const sent = Array.from({ length: 20 }, (_, seed) => {
    const leaving = request(`${server.url}v1/images/generations`, {
      ...{ method: "POST", headers: { "Content-Type": "application/json" } },
    });
    leaving.on("error", () => {});
    leaving.end(JSON.stringify({ prompt: "bird", seed, n: 3 }));
    return leaving;
  });
  const staying = askMany(server.url, 2);
  await wait(20);
  for (const leaving of sent) leaving.destroy();
  expect(await staying).toEqual(["own", "own"]);
  await expect.poll(() => metric(server.url, "sdgan_queue_images")).toBe(0);
  await expect.poll(() => metric(server.url, "sdgan_running_images")).toBe(0);
});

it("a body or headers that never end are given up", async () => {
  const server = await start({ limits: { receiveMs: 300 } });
  const head =
    "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  for (const bytes of [`${head}Content-Length: 100\r\n\r\n{"prompt":`, head, "POST"]) {
    const answer = await untilClosed(server.url, bytes, 10_000);
    expect(answer, bytes).toMatch(/^HTTP\/1\.1 408 /);
  }
  expect(await askMany(server.url, 1)).toEqual(["own"]);
});

it.skipIf(!existsSync("/dev/full"))("a full disk costs log lines, and nothing else", async () => {
  const server = await start({ logFile: "/dev/full" });
  expect(await askMany(server.url, 5)).toEqual(Array(5).fill("own"));
  await expect.poll(() => metric(server.url, "sdgan_log_lines_lost_total")).toBeGreaterThan(0);
});

it("a server that stops finishes what it has taken, and refuses the rest", async () => {
  const server = await start();
  const taken = askMany(server.url, 20);
  await wait(60);
  const stopped = server.stop();
  const late = askMany(server.url, 3);
  expect(new Set(["own", "refused", ...(await taken)])).toEqual(new Set(["own", "refused"]));
  expect((await taken).filter((answer) => answer === "own").length).toBeGreaterThan(0);
  for (const answer of await late) expect(["refused", "closed"]).toContain(answer);
  await stopped;
  await server.closed;
  expect(await askMany(server.url, 1)).toEqual(["closed"]);
});

/** Sends bytes and waits until the server closes the connection; returns its answer. */
function untilClosed(url: string, bytes: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
    let answer = "";
    const timer = setTimeout(
      () => reject(new Error(`still open after ${timeoutMs} ms: ${bytes}`)),
      timeoutMs,
    );
    socket.on("data", (part) => {
      answer += part;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(bytes);
  });
}
