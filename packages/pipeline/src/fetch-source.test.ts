import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "@sdgan/core";
import { expect, it } from "vitest";
import { pipeline } from "./node.js";

/** Loads a model from a server that answers in its own way. Returns the error. */
async function load(answer: RequestListener, signal?: AbortSignal): Promise<unknown> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/birds`;
  try {
    return await pipeline("text-to-image", url, signal ? { signal } : {}).then(
      () => "loaded",
      (error: unknown) => error,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

it("does not read more of a server's answer than is expected", async () => {
  let sent = 0;
  const error = await load((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(2 ** 16))) sent += 2 ** 16;
    };
    response.on("drain", more);
    more();
  });
  expect(error).toMatchObject({
    code: "file.invalid",
    message: expect.stringContaining("has more than the 1048576 bytes"),
  });
  expect(sent).toBeLessThan(2 ** 25);
});

it("refuses a compressed answer that unfolds to more than is expected", async () => {
  const { gzipSync } = await import("node:zlib");
  const bomb = gzipSync(Buffer.alloc(2 ** 26));
  const error = await load((_, response) => response.setHeader("Content-Encoding", "gzip").end(bomb));
  expect(error).toMatchObject({ code: "file.invalid" });
});

it.each<[string, RequestListener, string, string]>([
  ["an error", (_, response) => response.writeHead(503).end(), "file.missing", "status 503"],
  [
    "half of an answer",
    (_, response) => {
      response.writeHead(200, { "Content-Length": 100 }).write("{");
      setTimeout(() => response.destroy(), 50);
    },
    "file.missing",
    "ended after 1 bytes",
  ],
  ["no answer", (request) => request.socket.destroy(), "file.missing", "cannot be read"],
  [
    "a page instead of a model",
    (_, response) => response.end("<!doctype html>"),
    "model.invalid",
    "not the manifest",
  ],
  [
    "a redirect without an end",
    (request, response) => response.writeHead(302, { Location: request.url }).end(),
    "file.missing",
    "redirect",
  ],
])("names the address after %s", async (_, answer, code, found) => {
  const error = await load(answer);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ code, message: expect.stringContaining(found) });
  expect((error as Error).message).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/birds\/model\.json: [^\n]+$/);
});

it("ends when its signal says so, also while a server is silent", async () => {
  const reason = new Error("the page was left");
  const stop = new AbortController();
  const error = await load(() => setTimeout(() => stop.abort(reason), 20), stop.signal);
  expect(error).toBe(reason);
});
