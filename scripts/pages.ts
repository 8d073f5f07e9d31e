/** For tests: pages in a headless Chromium. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { compileTypeScript, ROOT } from "./setup.mjs";

/** Compiles the packages, since pages load compiled files, and starts the browser. */
export async function startBrowser(executablePath: string): Promise<Browser> {
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Error(`The TypeScript does not compile:\n${output}`);
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-quic"] });
}

/** The first example in HTML of the package's README. */
export function readmePage(): string {
  const readme = readFileSync(join(ROOT, "packages/pipeline/README.md"), "utf8");
  return /```html\n([\s\S]*?)```/.exec(readme)![1]!;
}

/** A page with the import map of the README and no content. */
export function emptyPage(): string {
  const [map] = /<script type="importmap">[\s\S]*?<\/script>/.exec(readmePage())!;
  return `<!doctype html><meta charset="utf-8">${map}`;
}

/** Opens a page, and collects what it reports as an error. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  return { page, errors };
}
