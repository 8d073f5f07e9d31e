/** The examples of docs/server.md, as they stand there. */
import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { readTexts } from "@sdgan/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer } from "./server.js";
import { startTiny } from "./testing/tiny-server.js";

const root = join(import.meta.dirname, "../../..");
const document = readFileSync(join(root, "docs/server.md"), "utf8");
const run = promisify(execFile);

let server: Awaited<ReturnType<typeof startTiny>>;
beforeAll(async () => {
  server = await startTiny(startServer);
});
afterAll(() => server.end());

/** The first block of a language with a text, for the server of this test. */
function example(language: string, text: string): string {
  const blocks = [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const found = blocks.find(([, of, code]) => of === language && code!.includes(text));
  expect(found, `${language} with ${text}`).toBeDefined();
  return found![2]!.replaceAll("http://127.0.0.1:8080/", server.url).replaceAll("birds-64", "tiny");
}

const textsOf = (name: string) => readTexts(readFileSync(join(server.folder, name)));

it("curl", async ({ skip }) => {
  await run("curl", ["--version"]).catch(() => skip("there is no curl"));
  await run("sh", ["-c", example("sh", "curl")], { cwd: server.folder });
  expect(textsOf("bird.png")).toMatchObject({ Description: "a small red bird", Seed: "7" });
});

it("OpenAI's client", async () => {
  symlinkSync(join(root, "node_modules"), join(server.folder, "node_modules"));
  writeFileSync(join(server.folder, "example.mjs"), example("js", "OpenAI"));
  await run(process.execPath, ["example.mjs"], { cwd: server.folder });
  const images = ["bird-0.png", "bird-1.png"].map(textsOf);
  expect(images.map((texts) => [texts.Description, texts.Number])).toEqual([
    ["a small red bird", "1"],
    ["a small red bird", "2"],
  ]);
});
