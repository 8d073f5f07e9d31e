/**
 * Checks the page whole, in a browser, with a trained model: every view on static files and on a server, light and
 * dark, in English and Chinese, wide and at 360 pixels, with axe in each; then how long loading and typing take.
 * `npm test` does the short form of it with a model of random weights.
 *
 *   node scripts/check-studio.mjs --model models/faces-64 --run runs/faces-64 \
 *     --prompt "smiling face with sunglasses" --other "crying face with hat" [--images docs/images]
 */
import "./node-version.mjs";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { buildStudio } from "./build-studio.mjs";
import { findChromium } from "./chromium.mjs";
import { compileTypeScript } from "./setup.mjs";
import { goThrough, openStudio, serveStatic, tiles } from "./studio-tour.mjs";

/**
 * Every value of each, not every combination.
 *
 * @type {readonly { mode: "browser" | "server", dark: boolean, width: number, locale: string, images?: string }[]}
 */
const LOOKS = [
  { mode: "browser", dark: false, width: 1280, locale: "en", images: "" },
  { mode: "browser", dark: true, width: 360, locale: "zh-CN", images: "-360" },
  { mode: "server", dark: true, width: 1280, locale: "en", images: "-dark" },
  { mode: "server", dark: false, width: 360, locale: "en" },
];

/** What documentation shows. */
const SHOWN = ["generate", "enlarged", "inside", "compare-dark", "walk", "watch-dark", "generate-360"];

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      model: { type: "string", multiple: true },
      run: { type: "string" },
      prompt: { type: "string" },
      other: { type: "string" },
      images: { type: "string" },
    },
  });
  const { model: models, run, prompt, other, images } = values;
  if (!models || !run || !prompt || !other)
    throw new Failure("Give --model FOLDER, --run FOLDER, --prompt TEXT and --other TEXT.");
  const executablePath = findChromium();
  if (!executablePath)
    throw new Failure("Chromium was not found. Run apt-get install chromium, or set CHROMIUM to its path.");
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output}`);
  await buildStudio();
  const folder = mkdtempSync(join(tmpdir(), "sdgan-studio-"));
  const site = await serveStatic(folder, models);
  const { startServer } = await import("../packages/server/dist/index.js");
  const server = await startServer({
    ...{ models: models.map((each) => resolve(each)), host: "127.0.0.1", port: 0, processes: 2 },
    ...{ runs: { runs: [resolve(run)], folders: [] }, logFile: join(folder, "server.log") },
  });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-quic"] });
  const urls = { browser: site.url, server: server.url };
  try {
    for (const look of LOOKS) {
      const { page, errors, close } = await openStudio(browser, look);
      const onView = async (/** @type {string} */ view) => {
        if (images && look.images !== undefined && SHOWN.includes(view + look.images))
          await shoot(page, join(images, `studio-${view}${look.images}.png`));
      };
      await goThrough({ page, url: urls[look.mode], mode: look.mode, prompt, other, run, onView });
      const unexpected = errors.filter((error) => !error.includes("status of 400"));
      if (unexpected.length > 0) throw new Failure(`${JSON.stringify(look)}: ${unexpected.join("; ")}`);
      await close();
      console.log(
        `✓ every view: ${look.mode}, ${look.dark ? "dark" : "light"}, ${look.width} px, ${look.locale}`,
      );
    }
    for (const mode of /** @type {const} */ (["browser", "server"]))
      console.log(await timings(browser, urls[mode], mode, prompt));
  } finally {
    await browser.close();
    await server.stop();
    await site.close();
    rmSync(folder, { recursive: true });
  }
});

/**
 * @param {import("playwright-core").Page} page
 * @param {string} path
 */
async function shoot(page, path) {
  mkdirSync(join(path, ".."), { recursive: true });
  await page.mouse.move(0, 0);
  await page.waitForTimeout(300);
  const { height } = /** @type {{ height: number }} */ (page.viewportSize());
  const whole = Number(await page.evaluate("document.documentElement.scrollHeight"));
  const clip = { x: 0, y: 0, width: page.viewportSize()?.width ?? 0, height: Math.min(whole, height * 1.6) };
  const png = await page.screenshot({ fullPage: true, clip });
  await sharp(png).removeAlpha().png({ compressionLevel: 9, adaptiveFiltering: true }).toFile(path);
}

/**
 * Milliseconds until the page can be used when it was loaded before, and from typing to the first new image.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {"browser" | "server"} mode
 * @param {string} prompt
 */
async function timings(browser, url, mode, prompt) {
  const { page, close } = await openStudio(browser, { mode });
  const loads = [];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    await page.goto("about:blank");
    await page.goto(`${url}#/generate`);
    await page.locator("textarea").fill(prompt);
    loads.push(performance.now() - began);
    await tiles(page).nth(7).waitFor();
  }
  await page.evaluate("performance.clearMeasures()");
  await page.locator("textarea").press("End");
  // A letter every 200 ms, as one types 60 words a minute. A letter whose image is late is not in the median.
  const keys = ["Space", "a", "Backspace", "Backspace"];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press(/** @type {string} */ (keys[i % keys.length]));
    await page.waitForTimeout(200);
  }
  const typed = /** @type {number[]} */ (
    await page.evaluate(`performance.getEntriesByName("sdgan-first-image").map(({ duration }) => duration)`)
  );
  await close();
  const [load, image] = [median(loads.slice(1)), median(typed)];
  return `${mode}: ${load.toFixed(0)} ms until the page takes a prompt (warm), ${image.toFixed(0)} ms from typing to the first image (median of ${typed.length} of 40 letters)`;
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
