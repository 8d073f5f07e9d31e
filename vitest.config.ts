import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import type { InlineConfig } from "vitest/node";
import { findChromium } from "./scripts/chromium.mjs";

/** Tests import the sources, so that a stale build can never make them pass. */
const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const executablePath = findChromium();

const equalBytes = source("scripts/equal-bytes.ts");

/**
 * Tests of functions and networks, which change nothing of the process or of modules that another file could find changed. A
 * test that mocks modules, sets variables of the environment (fontconfig reads its own once in a process), or depends on when
 * libtorch is loaded, belongs elsewhere.
 */
const sharing = [
  "packages/core/src/**/*.test.ts",
  "packages/torch/src/{functional,nn,onnx,optim,pickle,tensor}/**/*.test.ts",
  "packages/sdgan/src/{config,data/folder,losses,models,run,util}/**/*.test.ts",
];

export default defineConfig({
  resolve: {
    alias: {
      "@sdgan/core/basics": source("packages/core/src/basics.ts"),
      "@sdgan/core": source("packages/core/src/index.ts"),
      "@sdgan/images/setup": source("packages/images/scripts/setup.mjs"),
      "@sdgan/images": source("packages/images/src/index.ts"),
      "@sdgan/pipeline/web": source("packages/pipeline/src/web.ts"),
      "@sdgan/pipeline": source("packages/pipeline/src/node.ts"),
      "@sdgan/server": source("packages/server/src/index.ts"),
      "@sdgan/torch/host": source("packages/torch/src/host.ts"),
      "@sdgan/torch/distributed": source("packages/torch/src/distributed/index.ts"),
      "@sdgan/torch/onnx": source("packages/torch/src/onnx/index.ts"),
      "@sdgan/torch/pickle": source("packages/torch/src/pickle/index.ts"),
      "@sdgan/torch/setup": source("packages/torch/scripts/setup.mjs"),
      "@sdgan/torch/testing": source("packages/torch/src/testing/index.ts"),
      "@sdgan/torch": source("packages/torch/src/index.ts"),
    },
  },
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      inNode("node", {
        include: [
          "packages/*/src/**/*.test.ts",
          "packages/*/{scripts,lib}/**/*.test.ts",
          "scripts/**/*.test.ts",
        ],
        exclude: [...configDefaults.exclude, ...sharing],
      }),
      // One process runs many files: a second of each file's processor time is Node's start and the loading of libtorch.
      inNode("node-shared", {
        include: sharing,
        isolate: false,
        setupFiles: [equalBytes, source("packages/torch/src/testing/default-seed.ts")],
      }),
      // Platform-independent code is also tested in a browser, if there is one.
      ...(executablePath ? [inChromium(executablePath)] : []),
    ],
  },
});

function inNode(name: string, files: InlineConfig): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      // One thread per worker: workers whose threads compete for the same cores take ten times as long. No reports of
      // onnxruntime's to its maker.
      env: { OMP_NUM_THREADS: "1", ORT_DISABLE_TELEMETRY: "1" },
      sequence: { groupOrder: 0 },
      setupFiles: [equalBytes],
      ...files,
    },
  };
}

function inChromium(executablePath: string) {
  return {
    extends: true as const,
    test: {
      name: "chromium",
      include: ["packages/core/src/**/*.test.ts"],
      // After the others: the browser occupies one of the workers until the end of its group.
      sequence: { groupOrder: 1 },
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        // Only the page under test: no updates, no accounts. Playwright gives each start a fresh profile.
        provider: playwright({
          launchOptions: {
            executablePath,
            args: [
              ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
              ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
            ],
          },
        }),
        instances: [{ browser: "chromium" as const }],
      },
    },
  };
}
