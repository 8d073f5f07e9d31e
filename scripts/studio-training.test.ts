import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { tinyModel } from "../packages/pipeline/src/testing/tiny-model.js";
import { buildStudio } from "./build-studio.mjs";
import { findChromium } from "./chromium.mjs";
import { startBrowser } from "./pages.js";
import { ROOT } from "./setup.mjs";
import { openStudio } from "./studio-tour.mjs";

vi.setConfig({ testTimeout: 600_000 });

const executablePath = findChromium();
const program = join(ROOT, "packages/sdgan/bin/sdgan.js");

it.skipIf(!executablePath)("the page starts, stops and resumes a training of birds", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-studio-training-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const model = join(folder, "tiny");
  const data = join(folder, "birds");
  const runs = join(folder, "runs");
  mkdirSync(model);
  for (const [name, bytes] of Object.entries(await tinyModel())) writeFileSync(join(model, name), bytes);
  const browser = await startBrowser(executablePath!);
  onTestFinished(() => browser.close());
  await buildStudio();
  const few = ["--species", "16", "--images", "10"];
  execFileSync(process.execPath, [program, "prepare", "birds", "--out", data, ...few], { stdio: "pipe" });
  const { startServer } = await import(join(ROOT, "packages/server/dist/index.js"));
  const server = await startServer({
    ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1, training: { program, folder: runs } },
    ...{ runs: { runs: [], folders: [runs] }, logFile: join(folder, "server.log") },
  });
  onTestFinished(() => server.stop());

  const { page, errors, close } = await openStudio(browser, { mode: "server" });
  page.setDefaultTimeout(120_000);
  const state = (text: RegExp) => page.locator(".facts dd", { hasText: text }).waitFor();
  const button = (name: string) => page.getByRole("button", { name, exact: true }).click();
  await page.goto(`${server.url}#/watch`);
  await page.locator(".start summary").click();
  await page.getByLabel("Preset").fill("birds-64");
  await page.getByLabel("Data").fill(data);
  await page.getByLabel("Run's folder").fill("mine");
  await button("Start");
  await state(/^running$/);
  // Metrics are written every ten steps.
  await page.locator(".card h3", { hasText: "words, sentence" }).waitFor();
  await state(/^\d+ of \d+$/);
  await button("Stop");
  await state(/^stopped$/);
  const before = metricsOf(runs);
  await button("Resume");
  await state(/^running$/);
  await expect.poll(() => metricsOf(runs).length, { timeout: 120_000 }).toBeGreaterThan(before.length);
  await button("Stop");
  await state(/^stopped$/);
  const after = metricsOf(runs);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map(({ step }) => step)).toEqual(after.map((_, i) => 10 * (i + 1)));
  expect(await page.locator(".warnings li").allTextContents()).toEqual([]);
  expect(errors).toEqual([]);
  await close();
});

function metricsOf(runs: string): { step: number; words?: number }[] {
  const text = readFileSync(join(runs, "mine/damsm/metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
