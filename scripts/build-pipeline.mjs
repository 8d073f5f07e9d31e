/**
 * Bundles the pipeline for pages without a bundler, if its sources have changed since the last time: one file instead of
 * about 140, which a page would read before its first image. onnxruntime stays outside, because only one of its builds is
 * loaded, with WebAssembly beside it.
 *
 *   node scripts/build-pipeline.mjs
 */
import "./node-version.mjs";
import { join } from "node:path";
import { runAsProgram } from "../packages/addons/lib/failure.mjs";
import { buildOnce, ROOT } from "./build-once.mjs";

const PIPELINE = join(ROOT, "packages/pipeline");
const OUT = join(PIPELINE, "dist/browser");
const SOURCES = [
  "packages/pipeline/src",
  "packages/core/src",
  "package-lock.json",
  "scripts/build-pipeline.mjs",
];

/**
 * @returns {Promise<boolean>} whether anything was built
 */
export function buildPipeline() {
  return buildOnce({
    sources: SOURCES.map((path) => join(ROOT, path)),
    output: join(OUT, "pipeline.js"),
    stamp: join(PIPELINE, "build/stamp"),
    async build() {
      const { build } = await import("vite");
      await build({
        ...{ root: PIPELINE, configFile: false, logLevel: "error" },
        resolve: { alias: { "@sdgan/core": join(ROOT, "packages/core/src/index.ts") } },
        build: {
          ...{ outDir: OUT, emptyOutDir: true, target: "es2023", reportCompressedSize: false },
          lib: { entry: join(PIPELINE, "src/web.ts"), formats: ["es"], fileName: () => "pipeline.js" },
          rolldownOptions: { external: [/^onnxruntime-web/], output: { minify: true } },
          license: { fileName: "licenses.md" },
        },
      });
    },
  });
}

await runAsProgram(import.meta.url, async () => {
  await buildPipeline();
});
