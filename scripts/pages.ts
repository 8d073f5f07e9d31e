/** Helpers of `pipeline-pages.test.ts`: pages in a headless Chromium. */
import { type Browser, chromium, type Page } from "playwright-core";
import { compileTypeScript } from "./setup.mjs";

/** Compiles the packages, since pages load compiled files, and starts the browser. */
export async function startBrowser(executablePath: string, flags: readonly string[] = []): Promise<Browser> {
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Error(`The TypeScript does not compile:\n${output}`);
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-quic", ...flags] });
}

/** A WebGPU device that Chromium computes on the processor. */
export const SOFTWARE_GPU = [
  ...["--enable-unsafe-webgpu", "--ignore-gpu-blocklist", "--enable-features=Vulkan"],
  ...["--use-vulkan=swiftshader", "--use-webgpu-adapter=swiftshader"],
];

/** Opens a page, and collects what it reports as an error. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  return { page, errors };
}
