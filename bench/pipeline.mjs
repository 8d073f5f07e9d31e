/**
 * Measures generation from an exported model: one image at a time in Node, beside libtorch with the same run, and in a
 * headless Chromium with WebAssembly. Prints medians in milliseconds as JSON.
 *
 *   node bench/pipeline.mjs --model models/birds --run runs/birds [--times 40] [--caption "a small red bird"]
 *   OMP_NUM_THREADS=1 node bench/pipeline.mjs … --threads 1      one thread each: less disturbed by other programs
 *
 * The rows of Node take turns, image by image, so that other programs slow down all of them alike. `ready` is the time
 * from the navigation to the first image of the README's page: first with an empty cache, then warm, after a visit of ten
 * seconds. The browser keeps the WebAssembly that it compiled in such a visit, but not that of a shorter one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pipeline } from "@sdgan/pipeline";
import { chromium } from "playwright-core";
import { emptyPage, readmePage } from "../packages/pipeline/dist/testing/pages.js";
import { serve } from "../packages/pipeline/dist/testing/server.js";
import { buildPipeline } from "../scripts/build-pipeline.mjs";
import { findChromium } from "../scripts/chromium.mjs";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    run: { type: "string" },
    times: { type: "string", default: "40" },
    threads: { type: "string" },
    caption: { type: "string", default: "a small red bird with black wings" },
  },
});
const { model, run, caption } = values;
const times = Number(values.times);
if (!model || !run || !(times > 0))
  throw new Error("Usage: node bench/pipeline.mjs --model <folder> --run <folder>");

// Chromium first: libtorch binds the thread that loads it, and all that this starts, to one core.
const inBrowser = await inChromium();
console.log(JSON.stringify({ node: await inNode(), chromium: inBrowser }, undefined, 2));

/** Median time of an image: libtorch in float32 and in the run's precision, and the pipeline. */
async function inNode() {
  await import("../packages/sdgan/dist/tuned.js"); // Before what loads libtorch.
  const { ImageGenerator } = await import("../packages/sdgan/dist/generation/image-generator.js");
  const precise = new ImageGenerator(run, { precision: "float32", device: "cpu" });
  const trained = new ImageGenerator(run, { device: "cpu" });
  const exported = await pipeline(
    "text-to-image",
    model,
    values.threads ? { threads: Number(values.threads) } : {},
  );
  const rows = {
    "libtorch, float32": (seed) => [...precise.generate([caption], { seed })],
    "libtorch, the run's precision": (seed) => [...trained.generate([caption], { seed })],
    pipeline: (seed) => exported(caption, { seed }),
  };
  const durations = Object.fromEntries(Object.keys(rows).map((name) => [name, []]));
  for (let i = 0; i < times + 3; i++)
    for (const [name, generate] of Object.entries(rows)) {
      const started = performance.now();
      await generate(i);
      if (i >= 3) durations[name].push(performance.now() - started);
    }
  await exported.dispose();
  return Object.fromEntries(Object.entries(durations).map(([name, all]) => [name, median(all)]));
}

async function inChromium() {
  const executablePath = findChromium();
  if (!executablePath) return "no Chromium";
  await buildPipeline();
  const root = fileURLToPath(new URL("..", import.meta.url));
  const folder = resolve(model);
  const options = {
    pages: { "/": readmePage(), "/empty": emptyPage(), "/favicon.ico": "" },
    aliases: { "/models/birds/": `/${basename(folder)}/` },
  };
  const profile = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  const browser = await chromium.launchPersistentContext(profile, { executablePath, args: ["--no-sandbox"] });
  const plain = await serve([root, dirname(folder)], options);
  const isolated = await serve([root, dirname(folder)], { ...options, isolated: true });
  try {
    const ready = [];
    for (let i = 0; i < 4; i++) ready.push(await readyAfter(browser, plain.url, i === 0 ? 25 : 0));
    return {
      "ready, cold": ready[0],
      "ready, warm": median(ready.slice(1)),
      "wasm, 1 thread": await imagesIn(browser, `${plain.url}empty`, 1),
      "wasm, 2 threads": await imagesIn(browser, `${isolated.url}empty`, 2),
    };
  } finally {
    await browser.close();
    await Promise.all([plain.close(), isolated.close()]);
    rmSync(profile, { recursive: true });
  }
}

/** @param images to generate afterwards, before the page is closed */
async function readyAfter(browser, url, images) {
  const page = await browser.newPage();
  const started = performance.now();
  await page.goto(url);
  await page.waitForFunction('note.textContent.startsWith("Ignored")', undefined, { polling: 10 });
  const duration = performance.now() - started;
  for (let i = 0; i < images; i++) {
    await page.evaluate("caption.oninput()");
    await page.waitForTimeout(400);
  }
  await page.close();
  return Math.round(duration);
}

async function imagesIn(browser, url, threads) {
  const page = await browser.newPage();
  await page.goto(url);
  const all = await page.evaluate(`(async () => {
    const { pipeline } = await import("@sdgan/pipeline");
    const generate = await pipeline("text-to-image", "/models/birds/", { device: "wasm", threads: ${threads} });
    const durations = [];
    for (let seed = 0; seed < ${times + 3}; seed++) {
      const started = performance.now();
      await generate(${JSON.stringify(caption)}, { seed });
      if (seed >= 3) durations.push(performance.now() - started);
    }
    return durations;
  })()`);
  await page.close();
  return median(all);
}

function median(all) {
  const sorted = all.toSorted((a, b) => a - b);
  return Math.round(10 * sorted[Math.floor(sorted.length / 2)]) / 10;
}
