import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scope } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { attributeExtractor } from "../evaluation/networks/attribute-classifier.js";
import { readMetrics } from "../run/metrics.js";
import { train } from "./train.js";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
let data: Prepared;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-attribute-classifier-"));
  await prepare(birds({ species: 60, imagesPerSpecies: 2, size: 16 }), {
    out: join(folder, "data"),
    size: 16,
  });
  data = openPrepared(join(folder, "data"));
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true, force: true });
});

it("learns from images that are smaller than its input, which are enlarged as in an evaluation", async () => {
  const run = join(folder, "run");
  const config = loadConfig("birds-64", [
    ...["data.workers=0", "attributeClassifier.width=8", "attributeClassifier.batch=32"],
    ...["attributeClassifier.steps=40", "attributeClassifier.learningRate=4e-3", "log.every=1"],
  ]);
  await train("attribute-classifier", { data: data.dir, run, config });
  const accuracies = readMetrics(join(run, "attribute-classifier", "metrics.jsonl")).map(
    ({ accuracy }) => accuracy!,
  );
  const mean = (of: number[]) => of.reduce((sum, one) => sum + one, 0) / of.length;
  expect(mean(accuracies.slice(-5))).toBeGreaterThan(mean(accuracies.slice(0, 5)) + 0.1);
  scope(() => {
    const { about } = attributeExtractor(run, { data, size: 16, device: "cpu" });
    expect(about.resize).toBe("enlarged from 16 to 64 pixels, bilinear");
  });
});
