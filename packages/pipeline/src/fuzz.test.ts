import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random, UserError, visible } from "@sdgan/core";
import { expect, it } from "vitest";
import { nodeSource } from "./node/source.js";
import { pipelineOn } from "./pipeline.js";
import type { Runtime } from "./runtime.js";
import { mutated } from "./testing/mutations.js";
import { tinyModel } from "./testing/tiny-model.js";

const MOST_SECONDS = 5;
const MOST_BYTES = 500 * 2 ** 20;

it("refuses 1,000 mutated models in one line, before a runtime reads them, with bounded time and memory", async () => {
  const files = await tinyModel();
  const random = new Random(18, "models");
  const runtime: Runtime = {
    device: "cpu",
    load: () => Promise.reject(new Error("a runtime was reached")),
  };
  const load = pipelineOn({ source: nodeSource, runtime: async () => runtime });
  const root = mkdtempSync(join(tmpdir(), "sdgan-fuzz-models-"));
  const before = process.memoryUsage().rss;
  try {
    await expect(load("text-to-image", write(root, files))).rejects.toThrow("a runtime was reached");
    for (let i = 0; i < 1000; i++) {
      const mutation = await mutated(files, random);
      const folder = write(root, mutation.files);
      const started = performance.now();
      const error: unknown = await load("text-to-image", folder).then(
        () => new Error("it was loaded"),
        (error) => error,
      );
      const seconds = (performance.now() - started) / 1000;
      expect(error, `${mutation.what}: ${error}`).toBeInstanceOf(UserError);
      const { message } = error as UserError;
      expect([message.length < 900, visible(message)], mutation.what).toEqual([true, message]);
      expect(seconds, mutation.what).toBeLessThan(MOST_SECONDS);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
  // The most that this process ever used, with the test's own memory.
  expect(process.resourceUsage().maxRSS * 1024 - before).toBeLessThan(MOST_BYTES);
});

function write(root: string, files: Record<string, Uint8Array>): string {
  const folder = join(root, "model");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}
