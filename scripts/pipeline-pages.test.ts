import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random, readTexts, visible } from "@sdgan/core";
import { pipeline, type TextToImage } from "@sdgan/pipeline";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { build, type LibraryOptions } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mutated } from "../packages/pipeline/src/testing/mutations.js";
import { emptyPage, readmePage } from "../packages/pipeline/src/testing/pages.js";
import { type FileServer, serve } from "../packages/pipeline/src/testing/server.js";
import { type Files, tinyModel } from "../packages/pipeline/src/testing/tiny-model.js";
import { buildPipeline } from "./build-pipeline.mjs";
import { findChromium } from "./chromium.mjs";
import { openPage, SOFTWARE_GPU, startBrowser } from "./pages.js";
import { ROOT } from "./setup.mjs";

const executablePath = findChromium();

/** What the page's scripts leave in it for the tests; `image` as plain data. */
const GENERATE = `async (model, prompt, options) => {
  const { pipeline } = await import("@sdgan/pipeline");
  const generate = await pipeline("text-to-image", model, options);
  const [image] = await generate(prompt, { seed: 7, stages: true, attention: true });
  const context = image.toCanvas().getContext("2d");
  const result = {
    device: generate.device,
    isolated: crossOriginIsolated,
    stages: image.stages.map(({ pixels }) => [...pixels]),
    attention: image.attention.map(({ words }) => words.map(({ weights }) => [...weights])),
    rgba: [...context.getImageData(0, 0, image.size, image.size).data],
    png: [...await image.toPng()],
    blob: (await image.toBlob()).type,
    ignored: image.ignored.unknown,
  };
  await generate.dispose();
  return result;
}`;

interface Result {
  device: string;
  isolated: boolean;
  stages: number[][];
  attention: number[][][];
  rgba: number[];
  png: number[];
  blob: string;
  ignored: string[];
}

describe.skipIf(!executablePath)("the pipeline in Chromium", () => {
  let folder: string;
  let files: Files;
  let browser: Browser;
  let server: FileServer;
  let inNode: TextToImage;
  const pages = { "/": readmePage(), "/empty": emptyPage(), "/favicon.ico": "" };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sdgan-pipeline-pages-"));
    files = await tinyModel();
    write("tiny", files);
    inNode = await pipeline("text-to-image", join(folder, "tiny"));
    browser = await startBrowser(executablePath!);
    await buildPipeline();
    server = await serve([ROOT, folder], { pages, aliases: { "/models/birds/": "/tiny/" } });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await inNode?.dispose();
    rmSync(folder, { recursive: true });
  });

  function write(name: string, files: Files): void {
    mkdirSync(join(folder, name), { recursive: true });
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, name, file), bytes);
  }

  const generateIn = async (page: Page, prompt: string, options: object = {}) =>
    (await page.evaluate(
      `(${GENERATE})("/tiny/", ${JSON.stringify(prompt)}, ${JSON.stringify(options)})`,
    )) as Result;

  async function expectSameAsInNode(result: Result, prompt: string): Promise<void> {
    const [image] = await inNode(prompt, { seed: 7, stages: true, attention: true });
    for (const [i, { pixels }] of image!.stages.entries())
      expect(largestDifference(result.stages[i]!, pixels)).toBeLessThanOrEqual(1);
    const maps = image!.attention.map(({ words }) => words.map(({ weights }) => [...weights]));
    expect(largestDifference(result.attention.flat(2), maps.flat(2))).toBeLessThan(1e-4);
    expect(result.stages.map(({ length }) => length)).toEqual(
      image!.stages.map(({ pixels }) => pixels.length),
    );
    expect(result.ignored).toEqual(image!.ignored.unknown);
  }

  it("runs the README's page as it stands: it generates while one types", async () => {
    expect(readmePage().trimEnd().split("\n").length).toBeLessThanOrEqual(30);
    const { page, errors } = await openPage(browser, server.url);
    const scripts = new Set<string>();
    page.on("request", (request) => {
      if (request.resourceType() === "script") scripts.add(request.url().split("/").at(-1)!);
    });
    await page.reload();
    const shown = () => page.evaluate('document.getElementById("canvas").toDataURL()');
    await page.waitForFunction('note.textContent === "Ignored: nothing"', undefined, { timeout: 30_000 });
    // The pipeline and one build of onnxruntime: more files would delay the first image.
    expect([...scripts].sort()).toEqual(["ort.wasm.bundle.min.mjs", "pipeline.js"]);
    const first = await shown();
    await page.press("#caption", "End");
    await page.keyboard.type(" mauve", { delay: 20 });
    await page.waitForFunction('note.textContent === "Ignored: mauve"');
    expect(await page.evaluate("[canvas.width, canvas.height]")).toEqual([16, 16]);
    await page.fill("#caption", "black tail");
    await page.waitForFunction('note.textContent === "Ignored: nothing"');
    expect(await shown()).not.toBe(first);
    const [expected] = await inNode("black tail");
    const rgba = await page.evaluate('[...canvas.getContext("2d").getImageData(0, 0, 16, 16).data]');
    expect(largestDifference(rgba as number[], expected!.toRgba())).toBeLessThanOrEqual(1);
    await page.fill("#caption", "xyzzy");
    await page.waitForFunction('note.textContent.includes("no word that the model knows")');
    expect(errors).toEqual([]);
    await page.close();
  });

  it("gives the same images, attention and files as in Node", async () => {
    const { page, errors } = await openPage(browser, `${server.url}empty`);
    const result = await generateIn(page, "a mauve red bird");
    expect([result.device, result.isolated, result.blob]).toEqual(["wasm", false, "image/png"]);
    await expectSameAsInNode(result, "a mauve red bird");
    expect(result.rgba.filter((_, i) => i % 4 < 3)).toEqual(result.stages.at(-1));
    const png = Uint8Array.from(result.png);
    expect(readTexts(png)).toMatchObject({ Description: "a mauve red bird", Seed: "7" });
    expect([...(await sharp(png).raw().toBuffer())]).toEqual(result.stages.at(-1));
    expect(errors).toEqual([]);
    await page.close();
  });

  it("gives the same images with several threads in an isolated page", async () => {
    const isolated = await serve([ROOT, folder], { pages, isolated: true });
    try {
      const { page, errors } = await openPage(browser, `${isolated.url}empty`);
      const result = await generateIn(page, "a red bird", { threads: 2 });
      expect(result.isolated).toBe(true);
      await expectSameAsInNode(result, "a red bird");
      expect(errors).toEqual([]);
      await page.close();
    } finally {
      await isolated.close();
    }
  });

  it("gives the same images with WebGPU, and uses it of itself only if it is not computed on the processor", async ({
    skip,
  }) => {
    const withGpu = await startBrowser(executablePath!, SOFTWARE_GPU);
    try {
      const { page } = await openPage(withGpu, `${server.url}empty`);
      if (!(await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)")))
        skip("this Chromium has no software for WebGPU");
      const result = await generateIn(page, "a red bird", { device: "webgpu" });
      expect(result.device).toBe("webgpu");
      await expectSameAsInNode(result, "a red bird");
      expect((await generateIn(page, "a red bird")).device).toBe("wasm");
    } finally {
      await withGpu.close();
    }
  });

  it("lets events through before it computes, so that what is typed ends older calls", async () => {
    const { page } = await openPage(browser, `${server.url}empty`);
    const result = await page.evaluate(`(async () => {
      const { pipeline } = await import("@sdgan/pipeline");
      const generate = await pipeline("text-to-image", "/tiny/");
      const stop = new AbortController();
      let done = 0;
      const call = generate("bird", { signal: stop.signal, onProgress: () => done++ });
      for (let i = 0; i < 2000; i++) await undefined;
      stop.abort();
      return [await call.catch(({ name }) => name), done];
    })()`);
    expect(result).toEqual(["AbortError", 0]);
    await page.close();
  });

  it("names what is missing if onnxruntime-web cannot be loaded", async () => {
    const { page } = await openPage(browser, `${server.url}empty`);
    await page.route("**/*.wasm", (route) => route.abort());
    const load = `import("@sdgan/pipeline").then(({ pipeline }) => pipeline("text-to-image", "/tiny/"))
      .catch(({ code, message }) => [code, message])`;
    expect(await page.evaluate(load)).toEqual([
      "device.unavailable",
      expect.stringMatching(/^onnxruntime-web cannot be loaded: .+ Check that the page can read its files/),
    ]);
    await page.close();
  });

  it("finds models in the box by their name below modelsUrl, and names what it does not find", async () => {
    const { page } = await openPage(browser, `${server.url}empty`);
    const load = (model: string, options: object) =>
      page.evaluate(`import("@sdgan/pipeline")
        .then(({ pipeline }) => pipeline("text-to-image", ${JSON.stringify(model)}, ${JSON.stringify(options)}))
        .then(({ model }) => model.name, (error) => error.code + " " + error.message)`);
    expect(await load("birds", {})).toBe("tiny");
    expect(await load("tiny", { modelsUrl: "/" })).toBe("tiny");
    expect(await load("cats", {})).toBe(
      `file.missing ${server.url}models/cats/model.json: the server answers with status 404. Check the address.`,
    );
    expect(await load("javascript:alert(1)//", {})).toMatch(/^usage .*not the URL of a model's folder/);
    expect(await load("tiny", { modelsUrl: "/", device: "cpu" })).toMatch(/^usage /);
    expect(await load("tiny", { modelsUrl: "/", device: "webgpu" })).toMatch(
      /^device.unavailable .*no WebGPU device/,
    );
    await page.close();
  });

  it("refuses 50 mutated models in one line, with bounded time and memory", async () => {
    const { page } = await openPage(browser, `${server.url}empty`);
    const random = new Random(50, "models");
    for (let i = 0; i < 50; i++) {
      const mutation = await mutated(files, random);
      write(`mutated${i}`, mutation.files);
      const { error, seconds } = (await page.evaluate(`(async () => {
        const { pipeline } = await import("@sdgan/pipeline");
        const started = performance.now();
        const error = await pipeline("text-to-image", "/mutated${i}/").then(() => "loaded", (error) => error);
        return { error: { name: error.name, message: error.message }, seconds: (performance.now() - started) / 1000 };
      })()`)) as { error: { name: string; message: string }; seconds: number };
      expect(error.name, `${mutation.what}: ${error.message}`).toBe("UserError");
      expect([error.message.length < 900, visible(error.message)], mutation.what).toEqual([
        true,
        error.message,
      ]);
      expect(seconds, mutation.what).toBeLessThan(5);
    }
    const memory = await memoryOfPages(browser);
    expect(memory.length).toBeGreaterThan(0);
    expect(Math.max(...memory)).toBeLessThan(500 * 2 ** 20);
    await page.close();
  });

  it("runs in a worker, bundled, and generates on an OffscreenCanvas", async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    writeFileSync(
      join(source, "worker.js"),
      `const generate = ${GENERATE};
      onmessage = async ({ data }) => postMessage(await generate(...data).catch((error) => String(error)));`,
    );
    writeFileSync(
      join(source, "index.html"),
      `<!doctype html><meta charset="utf-8"><script type="module">
      const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
      window.ask = (...data) => new Promise((resolve) => { worker.onmessage = (event) => resolve(event.data); worker.postMessage(data); });
      </script>`,
    );
    await bundle(source, { outDir: join(folder, "bundled") });
    const { page, errors } = await openPage(browser, `${server.url}bundled/index.html`);
    const result = (await page.evaluate('ask("/tiny/", "a red bird")')) as Result;
    expect(result).toMatchObject({ device: "wasm", blob: "image/png" });
    await expectSameAsInNode(result, "a red bird");
    expect(errors).toEqual([]);
    await page.close();
  });
});

it("bundles without what is not used, and without anything for Node in browsers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-pipeline-bundle-"));
  try {
    const bundled = async (code: string) => {
      writeFileSync(join(folder, "entry.js"), code);
      await bundle(folder, {
        outDir: join(folder, "out"),
        lib: { entry: join(folder, "entry.js"), formats: ["es"], fileName: () => "out.js" },
        rolldownOptions: { external: [/^onnxruntime/, /^node:/] },
      });
      return readFileSync(join(folder, "out/out.js"), "utf8");
    };
    const has = (code: string, what: RegExp) => what.test(code);
    const image = await bundled('export { StageImage } from "@sdgan/pipeline";');
    expect([has(image, /toCanvas/), has(image, /onnxruntime|ai\.onnx|import/)]).toEqual([true, false]);
    const whole = await bundled('export { pipeline } from "@sdgan/pipeline";');
    expect(whole).not.toMatch(/^import\b/m);
    expect(whole.match(/\bimport\(.*/g)).toEqual([
      expect.stringContaining('import("onnxruntime-web/webgpu")'),
      expect.stringContaining('import("onnxruntime-web/wasm")'),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Bundles a page or an entry with Vite. It finds the workspace's packages as an installed project finds its own. */
async function bundle(
  root: string,
  options: { outDir: string; lib?: LibraryOptions; rolldownOptions?: object },
): Promise<void> {
  await build({
    root,
    base: "./",
    configFile: false,
    logLevel: "error",
    resolve: {
      alias: {
        "@sdgan/pipeline": join(ROOT, "packages/pipeline/src/web.ts"),
        "@sdgan/core": join(ROOT, "packages/core/src/index.ts"),
      },
    },
    worker: { format: "es" },
    build: { ...options, emptyOutDir: true, minify: false },
  });
}

/** The most memory that each of the browser's pages used, in bytes (Linux). */
async function memoryOfPages(browser: Browser): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo
    .filter(({ type }) => type === "renderer")
    .map(
      ({ id }) => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]) * 1024,
    );
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
