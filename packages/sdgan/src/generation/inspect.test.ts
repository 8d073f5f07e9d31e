import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Vocabulary } from "@sdgan/core";
import { manualSeed, nn } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeGenerator, publishModel } from "../artifacts/model.js";
import { loadConfig } from "../config/load.js";
import { SentenceModulation, WordModulation } from "../models/scbn.js";
import { TextEncoder } from "../models/text-encoder.js";
import { startRun } from "../run/run-folder.js";
import { tinyConfig } from "../testing/tiny.js";
import { ImageGenerator } from "./image-generator.js";
import { inspect } from "./inspect.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-inspect-"));
  writeFileSync(join(folder, "tiny.yaml"), tinyConfig);
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * An image generator with an untrained model. In every SCBN, γ_c equals `constants`, whatever the caption.
 */
function generatorWith(scbn: string, constants = { sentence: 0, word: 0 }): ImageGenerator {
  const run = join(folder, `${scbn}-${constants.sentence}-${constants.word}`);
  const config = loadConfig(join(folder, "tiny.yaml"), [`generator.scbn=${scbn}`]);
  const vocabulary = Vocabulary.build(["a small red bird with black wings and a long tail"]);
  startRun(run, config, vocabulary.format())[Symbol.dispose]();
  manualSeed(1);
  const generator = makeGenerator(config);
  for (const module of generator.modules()) {
    if (module instanceof SentenceModulation)
      nn.init.constant(([...module.gamma.namedChildren()].at(-1)![1] as nn.Linear).bias!, constants.sentence);
    if (module instanceof WordModulation) nn.init.constant(module.gamma.bias!, constants.word);
  }
  const text = new TextEncoder({ vocabularySize: vocabulary.size, ...config.text });
  publishModel(run, { generator, text }, { step: 12 });
  return new ImageGenerator(run);
}

const caption = "a red bird with long wings";

it("generates the same image as ImageGenerator, and has the attention of every place to every word", () => {
  const imageGenerator = generatorWith("both");
  const inspected = inspect(imageGenerator, caption, 3);
  const [generated] = imageGenerator.generate([caption], { seed: 3 });
  expect(inspected.stages).toEqual(generated!.stages);
  expect(inspected.words).toEqual(["a", "red", "bird", "with", "long", "wings"]);
  // Stages of 8 and 16 pixels: the second stage attends to the words from 8 × 8 places.
  expect(inspected.attention.map((maps) => maps.map(({ size }) => size))).toEqual([new Array(6).fill(8)]);
  const [maps] = inspected.attention;
  for (let place = 0; place < 64; place++)
    expect(maps!.reduce((sum, { values }) => sum + values[place]!, 0)).toBeCloseTo(1, 5);
  expect(new Set(maps!.map(({ values }) => values.join())).size).toBe(6);
});

it("has |γ_c| of every SCBN: per place with word-level SCBN, one value with sentence-level SCBN only", () => {
  const ofEach = (imageGenerator: ImageGenerator) =>
    inspect(imageGenerator, caption).modulation.map(({ size, values }) => [
      size,
      new Set(Array.from(values, (value) => Number(value.toFixed(5)))),
    ]);
  const constant = { sentence: 0.25, word: -0.75 };
  expect(ofEach(generatorWith("sentence", constant))).toEqual([
    [1, new Set([0.25])],
    [1, new Set([0.25])],
  ]);
  expect(ofEach(generatorWith("word", constant))).toEqual([
    [8, new Set([0.75])],
    [16, new Set([0.75])],
  ]);
  expect(ofEach(generatorWith("both", constant))).toEqual([
    [8, new Set([0.5])],
    [16, new Set([0.5])],
  ]);
  expect(ofEach(generatorWith("none"))).toEqual([]);
});

it("records the modulation only during inspect", () => {
  const imageGenerator = generatorWith("both", { sentence: 0.5, word: 0 });
  const first = inspect(imageGenerator, caption);
  [...imageGenerator.generate([caption])];
  const second = inspect(imageGenerator, caption);
  expect(first.modulation).toHaveLength(2);
  expect(second.modulation).toEqual(first.modulation);
});
