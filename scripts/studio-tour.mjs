/**
 * Goes through every view of the page as a person would, and fails where something is missing or a rule for accessible
 * pages is violated. `studio-pages.test.ts` and `check-studio.mjs` use it.
 */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { preview } from "vite";
import { putModels, STUDIO } from "./build-studio.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Serves the built page as static files, below a path, as a web server would.
 *
 * @param {string} folder an empty folder
 * @param {readonly string[]} models their folders
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serveStatic(folder, models) {
  const outDir = join(folder, "site");
  mkdirSync(outDir, { recursive: true });
  cpSync(join(STUDIO, "dist"), outDir, { recursive: true });
  putModels(join(outDir, "models"), models);
  const server = await preview({
    ...{ root: folder, base: "/some/path/", configFile: false, logLevel: "error", appType: "mpa" },
    build: { outDir },
    preview: { port: 0, host: "127.0.0.1" },
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.httpServer.address());
  return { url: `http://127.0.0.1:${port}/some/path/`, close: () => server.close() };
}

/** @typedef {"browser" | "server"} Mode */

/**
 * @typedef {object} Tour
 * @property {import("playwright-core").Page} page that was opened with `openStudio`
 * @property {string} url of the page
 * @property {Mode} mode
 * @property {string} prompt of words that the model knows
 * @property {string} other another such prompt
 * @property {string} run a run's folder; in server mode the server has it
 * @property {(view: string) => Promise<void>} [onView] called in each view when it shows everything
 */

/**
 * @param {import("playwright-core").Browser} browser
 * @param {{ mode: Mode, dark?: boolean, width?: number, locale?: string }} options
 */
export async function openStudio(browser, { mode, dark = false, width = 1280, locale = "en" }) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    ...{ colorScheme: dark ? "dark" : "light", locale, reducedMotion: "reduce", acceptDownloads: true },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await context.addInitScript(`localStorage.setItem("sdgan-studio/mode", ${JSON.stringify(`"${mode}"`)})`);
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return { page, errors, close: () => context.close() };
}

/**
 * The whole tour.
 *
 * @param {Tour} tour
 * @returns {Promise<{ png: Buffer, gif: Buffer, link: string }>} what was downloaded and copied
 */
export async function goThrough(tour) {
  const generated = await generate(tour);
  await lookInside(tour);
  await compare(tour);
  const gif = await walk(tour);
  await watch(tour);
  return { ...generated, gif };
}

/** @param {Tour} tour */
async function generate({ page, url, prompt, onView }) {
  await page.goto(`${url}#/generate`);
  const field = page.locator("textarea");
  await page.locator(".chip").first().waitFor();
  await checkAccess(page, "generate, empty");
  await field.fill("xyzzy");
  await page.getByRole("alert").waitFor();
  await checkAccess(page, "generate, with an error");
  await field.fill(`${prompt} xyzzy`);
  await tiles(page).nth(7).waitFor();
  await page.locator(".prompt .notes", { hasText: "xyzzy" }).waitFor();
  must((await page.locator(".prompt-copy mark").allTextContents()).join() === "xyzzy", "xyzzy is not marked");
  await field.fill(prompt);
  await page.locator(".prompt-copy mark").waitFor({ state: "detached" });
  await page.locator("input[type=number]").fill("7");
  await page.locator(".tile-seed", { hasText: /^14$/ }).waitFor();
  await page.locator(".history .chip", { hasText: prompt }).waitFor();
  await checkAccess(page, "generate");
  await onView?.("generate");

  await page.getByRole("switch").check();
  await page.locator(".tile-stages canvas").first().waitFor();
  await page.getByRole("switch").uncheck();

  await page.locator(".tile").first().click();
  const dialog = page.locator("dialog");
  await dialog.locator(".stages canvas").nth(1).waitFor();
  await checkAccess(page, "generate, enlarged");
  await onView?.("enlarged");
  await page.keyboard.press("ArrowRight");
  await dialog.locator("small", { hasText: " 8 " }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await dialog.locator("small", { hasText: " 7 " }).waitFor();
  const png = await downloaded(page, dialog.locator("footer button:not(.outline)"));
  await dialog.locator("footer button").nth(3).click();
  await dialog.locator("[role=status]", { hasText: /\S/ }).waitFor();
  const link = /** @type {string} */ (await page.evaluate("navigator.clipboard.readText()"));
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  return { png, link };
}

/** @param {Tour} tour */
async function lookInside({ page, prompt, onView }) {
  await go(page, "inside");
  const words = page.locator(".overview .chip");
  await words.first().waitFor();
  const count = await words.count();
  must(count === prompt.split(" ").length, `${count} words of "${prompt}"`);
  const stages = (await page.locator(".overview canvas").count()) - 1;
  must(stages > 0, "no image with attention");
  const maps = await page.locator(".maps:not(.wide) canvas").count();
  must(maps === count * stages, `${maps} maps of ${count} words in ${stages} stages`);
  must((await page.locator(".maps.wide canvas").count()) > 0, "no maps of γ_c");
  const second = /** @type {string} */ (await words.nth(1).textContent());
  await words.nth(1).hover();
  await page
    .locator(".overview canvas")
    .nth(1)
    .and(page.getByLabel(`“${second}”`))
    .waitFor();
  await words.nth(0).focus();
  await page.locator(".overview .chip[aria-pressed=true]", { hasText: await textOf(words.nth(0)) }).waitFor();
  await checkAccess(page, "look inside");
  await onView?.("inside");
}

/** @param {Tour} tour */
async function compare({ page, prompt, other, onView }) {
  await go(page, "compare");
  await page.locator("textarea").first().fill(prompt);
  await page.locator("textarea").nth(1).fill(other);
  await page.locator(".compared figcaption", { hasText: other }).waitFor();
  await page.locator(".compared canvas:not(.empty)").nth(2).waitFor();
  await checkAccess(page, "compare");
  await onView?.("compare");
}

/** @param {Tour} tour */
async function walk({ page, prompt, other, onView }) {
  await go(page, "walk");
  await page.locator("textarea").first().fill(prompt);
  await page.locator("textarea").nth(1).fill(other);
  await page.locator("select").nth(4).selectOption("8");
  const slider = page.locator("input[type=range]");
  await page.locator("input[type=range][max='7']").waitFor();
  await slider.fill("4");
  await page.locator(".walked > canvas").and(page.getByLabel("57 %")).waitFor();
  await checkAccess(page, "walk");
  await onView?.("walk");
  const gif = await downloaded(page, page.locator(".walked button.outline"));
  await page.locator(".walked button:not(.outline)").click();
  await page.waitForTimeout(300);
  must((await slider.inputValue()) !== "4", "the animation stands still");
  await page.locator(".walked button:not(.outline)").click();
  return gif;
}

/** @param {Tour} tour */
async function watch({ page, mode, run, onView }) {
  await go(page, "watch");
  await checkAccess(page, "watch, empty");
  if (mode === "browser") await page.locator("input[type=file]").setInputFiles(run);
  await page.locator(".u-legend").first().waitFor();
  await page.locator(".sample").waitFor();
  await page.locator(".card details").first().click();
  await page.locator(".card tbody tr").first().waitFor();
  await checkAccess(page, "watch");
  await page.locator(".card details summary").first().click();
  await onView?.("watch");
  const newest = await page.locator(".sample").getAttribute("src");
  const slider = page.locator("input[type=range]");
  await slider.focus();
  await page.keyboard.press("Home");
  await page.locator(`.sample:not([src="${newest}"])`).waitFor();
}

/** @param {import("playwright-core").Page} page */
export function tiles(page) {
  return page.locator(".grid .tile > canvas:not(.empty)");
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} view
 */
async function go(page, view) {
  await page.locator(`nav a[href*="#/${view}"]`).click();
  await page.locator(`nav a[aria-current][href*="#/${view}"]`).waitFor();
}

/**
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} button
 */
async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return readFileSync(await download.path());
}

/** @param {import("playwright-core").Locator} locator */
async function textOf(locator) {
  return (await locator.textContent()) ?? "";
}

/**
 * Fails if axe finds a violation, or if the page is wider than its window.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} where
 */
async function checkAccess(page, where) {
  // As strings, because they run in the page. Evaluating them is not subject to the page's policy.
  await page.evaluate(AXE);
  const found = /** @type {{ id: string, nodes: { target: string[] }[] }[]} */ (
    await page.evaluate("axe.run().then(({ violations }) => violations)")
  );
  const lines = found.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
  );
  must(lines.length === 0, `${where}: ${lines.join("; ")}`);
  const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  must(Number(over) <= 0, `${where}: ${over} pixels wider than the window`);
}

/**
 * @param {boolean} condition
 * @param {string} otherwise
 */
function must(condition, otherwise) {
  if (!condition) throw new Error(otherwise);
}
