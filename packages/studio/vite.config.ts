import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page as static files with relative addresses: it works below any path, and needs nothing from elsewhere. */
export default defineConfig({
  root: source("."),
  base: "./",
  // `models/` beside the page is copied by scripts/build-studio.mjs.
  publicDir: source("public"),
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    alias: {
      "@sdgan/pipeline": source("../pipeline/src/web.ts"),
      "@sdgan/core/basics": source("../core/src/basics.ts"),
      "@sdgan/core": source("../core/src/index.ts"),
    },
  },
  worker: { format: "es" },
  build: {
    outDir: source("dist"),
    emptyOutDir: true,
    target: "es2023",
    // The largest files are onnxruntime's WebAssembly, which is fetched when a model is loaded.
    chunkSizeWarningLimit: 1000,
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
});
