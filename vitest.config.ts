import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests run on the sources, so that a stale build can never make them pass. */
const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "@sdgan/core": source("packages/core/src/index.ts"),
      "@sdgan/images/setup": source("packages/images/scripts/setup.mjs"),
      "@sdgan/images": source("packages/images/src/index.ts"),
      "@sdgan/torch/pickle": source("packages/torch/src/pickle/index.ts"),
      "@sdgan/torch/setup": source("packages/torch/scripts/setup.mjs"),
      "@sdgan/torch/testing": source("packages/torch/src/testing/index.ts"),
      "@sdgan/torch": source("packages/torch/src/index.ts"),
    },
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/{scripts,lib}/**/*.test.ts", "scripts/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // One thread a worker: two that wait for each other on the same cores take ten times as long.
    env: { OMP_NUM_THREADS: "1" },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
