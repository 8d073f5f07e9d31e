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
import { openStudio, tiles } from "./studio-tour.mjs";

vi.setConfig({ testTimeout: 600_000 });

const executablePath = findChromium();
const program = join(ROOT, "packages/sdgan/bin/sdgan.js");

it.skipIf(!executablePath)(
  "the page trains DAMSM and then the GAN on birds: starts, stops and resumes each",
  async () => {
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
    const { damsmSteps, isInUse } = await import(join(ROOT, "packages/sdgan/dist/run/run-folder.js"));
    const server = await startServer({
      ...{ models: [model], host: "127.0.0.1", port: 0, processes: 1 },
      training: { program, folder: runs, isInUse },
      ...{ runs: { runs: [], folders: [runs], damsmSteps }, logFile: join(folder, "server.log") },
    });
    onTestFinished(() => server.stop());

    const { page, errors, close } = await openStudio(browser, { mode: "server" });
    page.setDefaultTimeout(120_000);
    const state = (text: RegExp) => page.locator(".facts dd", { hasText: text }).waitFor();
    const button = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const rows = (of: string) => () => metricsOf(join(runs, of)).length;
    await page.goto(`${server.url}#/watch`);
    await page.locator(".start summary").click();
    await page.getByLabel("Preset").selectOption("birds-64");
    await page.getByLabel("Data").fill(data);
    await page.getByLabel("Name of the run").fill("mine");
    await button("Start");
    await state(/^running$/);
    // Metrics are written every ten steps.
    await page.locator(".card h3", { hasText: "words, sentence" }).waitFor();
    await state(/^\d+ of \d+$/);
    await button("Stop");
    await state(/^stopped$/);
    const before = metricsOf(join(runs, "mine/damsm"));
    await button("Resume");
    await state(/^running$/);
    await expect.poll(rows("mine/damsm"), { timeout: 120_000 }).toBeGreaterThan(before.length);
    await button("Stop");
    await state(/^stopped$/);
    expectContinued(before, metricsOf(join(runs, "mine/damsm")));

    // The GAN, with the DAMSM as it is.
    await button("Train the GAN");
    await page
      .locator(".facts dd", { hasText: join(runs, "mine") })
      .and(page.getByText(/mine$/))
      .waitFor();
    await state(/^running$/);
    await page.locator(".card h3", { hasText: "generator" }).first().waitFor();
    await state(/^\d+ of 40000$/);
    await button("Stop");
    await state(/^stopped$/);
    await page.getByAltText("Samples of step").waitFor();
    const begun = metricsOf(join(runs, "mine"));
    const sample = await page.locator(".sample").getAttribute("src");
    await button("Resume");
    await state(/^running$/);
    await expect.poll(rows("mine"), { timeout: 240_000 }).toBeGreaterThan(begun.length);
    await button("Stop");
    await state(/^stopped$/);
    expectContinued(begun, metricsOf(join(runs, "mine")));
    await page.locator(`.sample:not([src="${sample}"])`).waitFor();

    const warnings = await page.locator(".warnings li").allTextContents();
    // Other tests may use the processors at the same time.
    expect(warnings.filter((line) => !line.includes("other programs"))).toEqual([]);
    // Its model, exported and served without a restart.
    await button("Generate with it");
    await page.locator("textarea").fill("a small red bird");
    await tiles(page).nth(7).waitFor();
    expect(await page.locator("option:checked", { hasText: "mine" }).textContent()).toBe("mine · 64 px");
    expect(errors).toEqual([]);
    await close();
  },
);

interface Row {
  step: number;
}

/** The earlier lines are still there, and no step is missing or repeated. */
function expectContinued(before: readonly Row[], after: readonly Row[]): void {
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after.map(({ step }) => step)).toEqual(after.map((_, i) => 10 * (i + 1)));
}

function metricsOf(folder: string): Row[] {
  const text = readFileSync(join(folder, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
