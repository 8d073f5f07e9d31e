import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tinyModel } from "../../../pipeline/src/testing/tiny-model.js";
import { compile, sdgan, startSdgan } from "../testing/cli.js";
import { findBox } from "../util/box.js";

let folder: string;
let model: string;
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-serve-"));
  model = join(folder, "tiny");
  mkdirSync(model);
  for (const [name, bytes] of Object.entries(await tinyModel())) writeFileSync(join(model, name), bytes);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts the command on a free port, and waits until it serves. */
async function start(...args: string[]) {
  const { child, ended } = startSdgan("serve", "--model", model, "--port", "0", "--threads", "1", ...args);
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr!.on("data", (part) => {
      text += part;
      const found = /serves on (\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    void ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  return { child, ended, url };
}

const ask = (url: string, seed: number) =>
  fetch(`${url}v1/images/generations`, {
    ...{ method: "POST", headers: { "Content-Type": "application/json" } },
    body: JSON.stringify({ prompt: "a small red bird", seed, n: 4 }),
  });

it("serves until SIGTERM, finishes what it has taken, and exits with 0", async () => {
  const log = join(folder, "log");
  const { child, ended, url } = await start("--log-file", log);
  const first = await ask(url, 1);
  expect([first.status, ((await first.json()) as { data: unknown[] }).data.length]).toEqual([200, 4]);
  const taken = Array.from({ length: 8 }, (_, seed) => ask(url, seed).then(({ status }) => status));
  await Promise.race(taken);
  child.kill("SIGTERM");
  for (const status of await Promise.all(taken)) expect([200, 503]).toContain(status);
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(readFileSync(log, "utf8")).not.toContain("small red bird");
  await expect(ask(url, 1)).rejects.toThrow();
});

it("studio serves the page with the models in the box, the first image's first", async () => {
  const { child, ended } = startSdgan("studio", "--no-open", "--port", "0");
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr!.on("data", (part) => {
      const found = /The page is at (\S+)/.exec(String(part))?.[1];
      if (found) resolve(found);
    });
    void ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  expect(await (await fetch(url)).text()).toContain("<html");
  const { data } = (await (await fetch(`${url}v1/models`)).json()) as { data: { id: string }[] };
  const box = findBox()!;
  expect(data.map(({ id }) => id).sort()).toEqual(box.models);
  expect(data[0]!.id).toBe(box.first.model);
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0, stdout: "" });
});

it.each<[string, string[], number, RegExp]>([
  ["no model", [], 2, /^sdgan: serve: give --model NAME or --run FOLDER/],
  [
    "a model that is not there",
    ["--model", "/no/model", "--port", "0"],
    1,
    /^sdgan: \/no\/model\/model\.json: there is no such file/,
  ],
  [
    "a folder of runs that is not there",
    ["--model", "m", "--runs", "/no/runs"],
    1,
    /^sdgan: --runs \/no\/runs: there is no such folder/,
  ],
  [
    "an origin that is none",
    ["--model", "m", "--allow-origin", "x"],
    2,
    /--allow-origin x: expected an origin/,
  ],
  [
    "another address without keys",
    ["--model", "m", "--host", "0.0.0.0"],
    1,
    /--api-key-file FILE, or --no-auth/,
  ],
  [
    "a key file that is not there",
    ["--model", "m", "--api-key-file", "/no/keys"],
    1,
    /\/no\/keys: there is no such file/,
  ],
])("refuses %s in one line", async (_, args, exitCode, line) => {
  const { code, stderr } = await sdgan("serve", ...args, "--log-file", "/dev/null");
  expect(stderr).toMatch(line);
  expect([code, stderr.trim().split("\n").length]).toEqual([exitCode, 1]);
});
