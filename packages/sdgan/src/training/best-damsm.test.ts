import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSafetensors } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stateUnder } from "../artifacts/tensor-file.js";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { makeDamsmEvaluator } from "../evaluation/during-training.js";
import { readMetrics } from "../run/metrics.js";
import { tinyConfig } from "../testing/tiny.js";
import type { MakeDamsmEvaluator } from "./evaluator.js";
import { train } from "./train.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const trained = (run: string, makeEvaluator: MakeDamsmEvaluator | undefined, data = "data") => {
  const config = loadConfig(at("tiny.yaml"), ["data.workers=0", "damsm.evaluateEvery=2", "log.keep=1"]);
  const warnings: string[] = [];
  return train("damsm", {
    ...{ data: at(data), run: at(run), config, device: "cpu", makeDamsmEvaluator: makeEvaluator },
    onWarning: (line) => warnings.push(line),
  }).then(() => warnings);
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-best-damsm-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  const source = () => birds({ species: 20, imagesPerSpecies: 4, size: 16 });
  await prepare(source(), { out: at("data"), size: 16 });
  await prepare(source(), { out: at("no-val"), size: 16, val: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("publishes the DAMSM with the best figure, not the last one", async () => {
  const figures = [0.1, 0.4, 0.3, 0.4];
  await trained("run", () => ({ every: 2, best: "figure", measure: () => ({ figure: figures.shift()! }) }));
  const checkpoints = at("run", "damsm", "checkpoints");
  expect(readdirSync(checkpoints).sort()).toEqual(["step-0000004.safetensors", "step-0000008.safetensors"]);
  const published = loadSafetensors(at("run", "damsm", "damsm.safetensors")).tensors;
  const encoderOf = (step: number) =>
    stateUnder(loadSafetensors(join(checkpoints, `step-000000${step}.safetensors`)).tensors, "text");
  for (const [name, tensor] of stateUnder(published, "text")) {
    expect(tensor.equal(encoderOf(4).get(name)!), name).toBe(true);
    if (name === "encoder.weight") expect(tensor.equal(encoderOf(8).get(name)!)).toBe(false);
  }
});

it("measures R@1 on val without changing the training", async () => {
  await trained("measured", makeDamsmEvaluator);
  const lines = readMetrics(at("measured", "damsm", "metrics.jsonl"));
  const measured = lines.filter((line) => "recall/mean" in line);
  expect(measured.map(({ step }) => step)).toEqual([2, 4, 6, 8]);
  for (const line of measured) {
    expect(line["recall/mean"]).toBe((line["recall/imageToText"]! + line["recall/textToImage"]!) / 2);
    expect(line["recall/mean"]).toBeGreaterThanOrEqual(0);
    expect(line["recall/mean"]).toBeLessThanOrEqual(1);
  }
  const losses = (run: string) =>
    readMetrics(at(run, "damsm", "metrics.jsonl")).flatMap(({ words }) => words ?? []);
  expect(losses("measured")).toHaveLength(8);
  expect(losses("measured")).toEqual(losses("run"));
});

it("keeps the last DAMSM of data without a split val, with a warning", async () => {
  const warnings = await trained("no-val-run", makeDamsmEvaluator, "no-val");
  expect(warnings).toEqual([
    expect.stringMatching(/no-val: has 0 validation images, .* the last one is kept/),
  ]);
});

it("needs somebody to measure it", async () => {
  await expect(trained("nobody", undefined)).rejects.toThrow("makeDamsmEvaluator is needed");
});
