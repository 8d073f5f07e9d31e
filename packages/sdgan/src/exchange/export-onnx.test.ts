import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, parseManifest, presetNames, Vocabulary } from "@sdgan/core";
import { loadSafetensors, manualSeed, nn, noGrad, saveSafetensors, type Tensor } from "@sdgan/torch";
import { decodeModel } from "@sdgan/torch/onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeGenerator, publishModel } from "../artifacts/model.js";
import { loadConfig } from "../config/load.js";
import type { Generator } from "../models/generator.js";
import { TextEncoder } from "../models/text-encoder.js";
import { startRun } from "../run/run-folder.js";
import { sha256Of } from "../util/sha256.js";
import { exportOnnxModel } from "./export-onnx.js";
import { tolerances } from "./onnx/check.js";
import { loadRuntime, openSession } from "./onnx/runtime.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const options = (run: string, out: string) => ({ run: at(run), out: at(out), version: "0.0.0" });
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "export-onnx-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const vocabulary = new Vocabulary(["<end>", ...Array.from({ length: 40 }, (_, i) => `word${i}`)], "unicode");

/** A run with random weights: every layer affects the images, also those that start at zero. */
function makeRun(name: string, config: Config, step = 7): string {
  manualSeed(1);
  const text = new TextEncoder({ vocabularySize: vocabulary.size, ...config.text });
  const generator = makeGenerator(config);
  noGrad(() => {
    for (const module of generator.modules())
      if (module instanceof nn.BatchNorm) {
        nn.init.normal(module.runningMean, 0, 0.2);
        nn.init.uniform(module.runningVar, 0.5, 2);
        nn.init.normal(module.bias, 0, 0.2);
      }
    for (const [key, parameter] of generator.namedParameters())
      if (parameter.abs().max().item() === 0) nn.init.normal(parameter, 0, key.endsWith("bias") ? 0.1 : 0.05);
  });
  startRun(at(name), config, vocabulary.format())[Symbol.dispose]();
  publishModel(at(name), generator, text, step);
  return at(name);
}

describe("an exported model", () => {
  it.each(presetNames)("generates the same images as libtorch: %s", { timeout: 600_000 }, async (preset) => {
    const config = loadConfig(preset);
    makeRun(preset, config);
    const start = performance.now();
    const { manifest, comparison } = await exportOnnxModel(options(preset, `${preset}-onnx`));
    console.log(preset, comparison.image, comparison.differences, performance.now() - start);
    expect(comparison.captions).toBe(32);
    expect(comparison.image).toBeLessThan(1e-4);
  });
});
