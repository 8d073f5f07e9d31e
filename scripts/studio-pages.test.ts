import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTexts } from "@sdgan/core";
import { pipeline } from "@sdgan/pipeline";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tinyModel } from "../packages/pipeline/src/testing/tiny-model.js";
import { buildStudio } from "./build-studio.mjs";
import { findChromium } from "./chromium.mjs";
import { startBrowser } from "./pages.js";
import { ROOT } from "./setup.mjs";
import { goThrough, openStudio, serveStatic, tiles } from "./studio-tour.mjs";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const executablePath = findChromium();

const PROMPT = "a small red bird";
const OTHER = "black wings and a long tail";

describe.skipIf(!executablePath)("the studio in Chromium", () => {
  let folder: string;
  let model: string;
  let run: string;
  let browser: Browser;
  let site: Awaited<ReturnType<typeof serveStatic>>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sdgan-studio-"));
    model = join(folder, "tiny");
    mkdirSync(model);
    for (const [name, bytes] of Object.entries(await tinyModel())) writeFileSync(join(model, name), bytes);
    run = join(folder, "runs/birds");
    await writeRun(run);
    browser = await startBrowser(executablePath!);
    await buildStudio();
    site = await serveStatic(folder, [model]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true });
  });

  it("goes through every view on static files below a path, in the browser alone", async () => {
    const { page, errors, close } = await openStudio(browser, { mode: "browser" });
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    const { png, gif, link } = await goThrough({
      ...{ page, url: site.url, mode: "browser", prompt: PROMPT, other: OTHER, run },
    });
    await expectSameAsInNode(png);
    expect((await sharp(gif, { animated: true }).metadata()).pages).toBe(14);
    expect(link).toBe(`${site.url}#/generate?prompt=a+small+red+bird&seed=7&model=tiny`);
    const elsewhere = requests.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(site.url));
    expect(elsewhere).toEqual([]);
    expect(errors).toEqual([]);
    await close();
  });

  it("goes through every view on a server", async () => {
    // Compiled files, since the server starts processes of them.
    const { startServer } = await import(join(ROOT, "packages/server/dist/index.js"));
    const server = await startServer({
      ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1 },
      ...{ runs: { runs: [run], folders: [] }, logFile: join(folder, "server.log") },
    });
    try {
      const { page, errors, close } = await openStudio(browser, { mode: "server", dark: true });
      const { png } = await goThrough({
        ...{ page, url: server.url, mode: "server", prompt: PROMPT, other: OTHER, run },
      });
      await expectSameAsInNode(png);
      // The server refuses a prompt without a known word with status 400, which the browser logs.
      expect(errors.filter((error) => !error.includes("status of 400"))).toEqual([]);
      await close();
    } finally {
      await server.stop();
    }
  });

  it("starts, stops and resumes a training on a server that allows it", async () => {
    const { startServer } = await import(join(ROOT, "packages/server/dist/index.js"));
    const runs = join(folder, "trained");
    const program = join(folder, "program.cjs");
    writeFileSync(program, FAKE_TRAINING);
    // Another run of the same name, which is listed before.
    const others = join(folder, "others");
    await writeRun(join(others, "mine/damsm"));
    const server = await startServer({
      ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1 },
      training: { program, folder: runs, isInUse: () => false },
      ...{ runs: { runs: [], folders: [others, runs] }, logFile: join(folder, "server.log") },
    });
    try {
      const { page, errors, close } = await openStudio(browser, { mode: "server" });
      await page.goto(`${server.url}#/watch`);
      await page.locator(".start summary").click();
      const started = page.getByText("The training has started");
      await page.getByLabel("Data").fill("data/mine");
      await page.getByLabel("Name of the run").fill("mine");
      await page.getByRole("button", { name: "Start" }).click();
      await page.locator(".facts dd", { hasText: /^running$/ }).waitFor();
      expect(await page.locator(".facts dd").allTextContents()).toEqual([
        ...["running", "26 of 200", "4 min", expect.stringMatching(/^\d\.\d GiB$/)],
        join(runs, "mine/damsm"),
      ]);
      await page.locator(".warnings li", { hasText: "D is certain" }).waitFor();
      await page.locator(".u-legend").waitFor();
      await started.waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.locator(".facts dd", { hasText: "stopped" }).waitFor();
      await started.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Resume" }).click();
      await page.locator(".facts dd", { hasText: /^running$/ }).waitFor();
      expect(errors).toEqual([]);
      await close();
    } finally {
      await server.stop();
    }
  });

  it("asks for the key of a server that wants one", async () => {
    const { startServer, readKeys } = await import(join(ROOT, "packages/server/dist/index.js"));
    const file = join(folder, "keys");
    writeFileSync(file, "a-secret-of-some-length-1234567890\n", { mode: 0o600 });
    const server = await startServer({
      ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1, keys: readKeys(file) },
      ...{ runs: { runs: [run], folders: [] }, logFile: join(folder, "server.log") },
    });
    try {
      const { page, close } = await openStudio(browser, { mode: "server" });
      await page.goto(`${server.url}#/generate`);
      const field = page.locator("input[type=password]");
      await field.fill("another");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      await field.fill("a-secret-of-some-length-1234567890");
      await page.keyboard.press("Enter");
      await page.locator("textarea").fill(PROMPT);
      await tiles(page).nth(7).waitFor();
      await page.locator('nav a[href*="#/watch"]').click();
      // The image was read with the key: an address without one shows nothing.
      await page.locator(".sample[src^='blob:']").waitFor();
      await close();
    } finally {
      await server.stop();
    }
  });

  it("opens a link with its prompt, seed and model, in Chinese at 360 pixels", async () => {
    const { page, errors, close } = await openStudio(browser, {
      mode: "browser",
      locale: "zh-CN",
      width: 360,
    });
    await page.goto(`${site.url}#/generate?prompt=a+red+bird&seed=40&model=tiny`);
    await tiles(page).nth(7).waitFor();
    expect(await page.locator(".tile-seed").first().textContent()).toBe("40");
    expect(await page.locator("textarea").inputValue()).toBe("a red bird");
    expect(await page.locator("nav a").allTextContents()).toEqual(["生成", "内部", "比较", "插值", "训练"]);
    expect(await page.evaluate("document.documentElement.lang")).toBe("zh");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    expect(errors).toEqual([]);
    await close();
  });

  it("works without a connection after the first visit", async () => {
    const { page, errors, close } = await openStudio(browser, { mode: "browser" });
    await page.goto(`${site.url}#/generate?prompt=a+red+bird`);
    await page.evaluate("navigator.serviceWorker.ready");
    // Read again, now through the service worker.
    await page.reload();
    await tiles(page).nth(7).waitFor();
    await page.context().setOffline(true);
    await page.reload();
    await tiles(page).nth(7).waitFor();
    await page.locator("textarea").fill("black wings");
    await page.locator(".history .chip", { hasText: "black wings" }).waitFor();
    expect(errors.filter((error) => !error.includes("ERR_INTERNET_DISCONNECTED"))).toEqual([]);
    await close();
  });

  it("says what to do where there are no models and where no server answers", async () => {
    const { page, close } = await openStudio(browser, { mode: "browser" });
    await page.route("**/models/index.json", (route) => route.fulfill({ json: { models: [] } }));
    await page.goto(site.url);
    await page.locator(".notice", { hasText: "sdgan export onnx" }).waitFor();
    await page.locator(".settings select").first().selectOption("server");
    await page.locator(".notice", { hasText: "sdgan serve" }).waitFor();
    await page.unroute("**/models/index.json");
    await page.locator(".settings select").first().selectOption("browser");
    await page.locator(".chip").first().waitFor();
    await close();
  });

  async function expectSameAsInNode(png: Buffer): Promise<void> {
    const inNode = await pipeline("text-to-image", model);
    const [image] = await inNode(PROMPT, { seed: 7 });
    await inNode.dispose();
    expect(readTexts(png)).toMatchObject({ Description: PROMPT, Seed: "7" });
    const pixels = await sharp(png).removeAlpha().raw().toBuffer();
    const largest = pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - image!.pixels[i]!)), 0);
    expect(largest).toBeLessThanOrEqual(1);
  }
});

/** Stands in for `sdgan train`: a run's folder, a line of progress and a warning, until SIGTERM. */
const FAKE_TRAINING = `
const { mkdirSync, writeFileSync } = require("node:fs");
const task = process.argv[3];
const run = process.argv.find((each) => each.startsWith("--run=")).slice(6) + (task === "damsm" ? "/damsm" : "");
mkdirSync(run, { recursive: true });
writeFileSync(run + "/config.yaml", "");
writeFileSync(run + "/dependencies.json", JSON.stringify({ data: { folder: "data/mine" } }));
writeFileSync(run + "/metrics.jsonl", '{"step":10,"kl":1}\\n{"step":20,"kl":2}\\n');
console.error("gan  [##..]   13 %  26/200  22.7 images/s  3:07 min left  kl 0.01");
console.error("Warning: D is certain");
process.on("SIGTERM", () => process.exit(143));
setInterval(() => {}, 1000);
`;

/** A run's folder, as far as it can be watched. */
async function writeRun(folder: string): Promise<void> {
  mkdirSync(join(folder, "samples"), { recursive: true });
  writeFileSync(join(folder, "config.yaml"), "extends: birds-64\n");
  const rows = Array.from({ length: 20 }, (_, i) =>
    JSON.stringify({ step: 10 * (i + 1), "generator/sum": 9 / (i + 1), "damsm/words": 3, kl: 0.1 * i }),
  );
  writeFileSync(join(folder, "metrics.jsonl"), `${rows.join("\n")}\n`);
  for (const [step, red] of [
    [100, 200],
    [200, 90],
  ])
    await sharp({ create: { width: 64, height: 16, channels: 3, background: { r: red!, g: 99, b: 0 } } })
      .png()
      .toFile(join(folder, `samples/step-0000${step}.png`));
}
