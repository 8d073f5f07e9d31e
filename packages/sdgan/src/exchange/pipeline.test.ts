/** An exported model in `@sdgan/pipeline` and its run in libtorch: one prompt and one seed give one image. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTexts, UserError, Vocabulary } from "@sdgan/core";
import { type GeneratedImage, pipeline, type TextToImage } from "@sdgan/pipeline";
import { manualSeed, noGrad, saveSafetensors } from "@sdgan/torch";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeGenerator, modelFile } from "../artifacts/model.js";
import { joinStates } from "../artifacts/tensor-file.js";
import { loadConfig } from "../config/load.js";
import { ExportedModel } from "../generation/exported-model.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { inspect } from "../generation/inspect.js";
import { saveImages } from "../generation/save.js";
import { TextEncoder } from "../models/text-encoder.js";
import { startRun } from "../run/run-folder.js";
import { tinyConfig } from "../testing/tiny.js";
import { exportOnnxModel } from "./export-onnx.js";

const CAPTIONS = [
  "bird",
  "a small red bird with black wings",
  "a mauve bird with a long tail, and a small bird with red wings and a long black tail",
];

let folder: string;
let run: string;
let inTorch: ImageGenerator;
let generate: TextToImage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-exported-"));
  run = join(folder, "run");
  writeFileSync(join(folder, "tiny.yaml"), tinyConfig);
  const config = loadConfig(join(folder, "tiny.yaml"));
  const vocabulary = Vocabulary.build(["a small red bird with black wings and a long tail"]);
  {
    using _ = startRun(run, config, vocabulary.format());
    manualSeed(1);
    const tensors = joinStates({
      generator: makeGenerator(config).stateDict(),
      text: new TextEncoder({ vocabularySize: vocabulary.size, ...config.text }).stateDict(),
    });
    // Larger weights than a new network has, so that images have more than shades of grey.
    for (const tensor of tensors.values()) if (tensor.dim > 1) noGrad(() => tensor.mul_(2));
    saveSafetensors(join(run, modelFile), tensors, { step: "12" });
  }
  await exportOnnxModel({ run, out: join(folder, "model") });
  inTorch = new ImageGenerator(run);
  generate = await pipeline("text-to-image", join(folder, "model"), { threads: 1 });
});
afterAll(async () => {
  await generate?.dispose();
  rmSync(folder, { recursive: true });
});

describe("the pipeline", () => {
  it("generates libtorch's images of every stage, up to 1 of 255", async () => {
    const options = { seed: 5, count: 4 };
    const expected = [...inTorch.generate(CAPTIONS, options)];
    const found = await generate(CAPTIONS, { ...options, stages: true });
    expect(found.map(about)).toEqual(expected.map(about));
    for (const [i, { stages }] of expected.entries()) {
      expect(found[i]!.stages.map(({ size }) => size)).toEqual(stages.map(({ size }) => size));
      for (const [s, { pixels }] of stages.entries())
        expect(largestDifference(found[i]!.stages[s]!.pixels, pixels)).toBeLessThanOrEqual(1);
    }
    // They could also agree because both are flat.
    const levels = new Set(expected.flatMap(({ stages }) => [...stages.at(-1)!.pixels]));
    expect(levels.size).toBeGreaterThan(60);
  });

  it("is a source of images as a run is: the same files with the same texts, except for the model's name", async () => {
    const out = (name: string) => join(folder, name);
    const options = { seed: 5, count: 18, stages: true };
    const captions = CAPTIONS.slice(1);
    const model = await ExportedModel.open(join(folder, "model"), { threads: 1 });
    const paths = await saveImages(model, captions, { ...options, out: out("by-model") });
    await saveImages(inTorch, captions, { ...options, out: out("by-run") });
    expect(paths).toHaveLength(2 * 18 * 2 + 1);
    const names = readdirSync(out("by-run"));
    expect(readdirSync(out("by-model"))).toEqual(names);
    for (const name of names.filter((name) => name !== "grid.png")) {
      const [one, other] = ["by-model", "by-run"].map((from) => readFileSync(join(out(from), name)));
      const { Model, ...texts } = readTexts(one!);
      const { Checkpoint, ...expected } = readTexts(other!);
      expect(texts).toEqual(expected);
      expect([Model, Checkpoint]).toEqual([
        expect.stringMatching(/^model, generator [0-9a-f]{8}$/),
        "run, step 12",
      ]);
      const [pixels, same] = await Promise.all([one!, other!].map((png) => sharp(png).raw().toBuffer()));
      expect(largestDifference(pixels!, same!)).toBeLessThanOrEqual(1);
    }
    const [image] = await generate(captions[0]!, { seed: 5 });
    const first = readFileSync(join(out("by-model"), "1-a-small-red-bird-with-black-wings-01.png"));
    expect(readTexts(first)).toEqual(readTexts(await image!.toPng()));
    expect(() => model.generate(["bird", "xyzzy"])).toThrow(UserError);
    await model.dispose();
  });

  it("attends to the words as in libtorch", async () => {
    for (const caption of CAPTIONS) {
      const [image] = await generate(caption, { seed: 3, attention: true });
      const expected = inspect(inTorch, caption, 3);
      expect(image!.attention.map(({ size, words }) => [size, words.map(({ word }) => word)])).toEqual(
        expected.attention.map((maps) => [maps[0]!.size, expected.words]),
      );
      for (const [stage, maps] of expected.attention.entries())
        for (const [t, { values }] of maps.entries())
          expect(largestDifference(image!.attention[stage]!.words[t]!.weights, values)).toBeLessThan(1e-4);
    }
  });

  it.each([
    ["float16", 4],
    ["int8", 12],
  ] as const)("generates with weights in %s, up to %d of 255", async (precision, most) => {
    const out = join(folder, precision);
    await exportOnnxModel({ run, out, precision });
    const smaller = await pipeline("text-to-image", out, { threads: 1 });
    const [image] = await smaller(CAPTIONS[1]!, { seed: 5 });
    await smaller.dispose();
    const [expected] = inTorch.generate([CAPTIONS[1]!], { seed: 5 });
    expect(largestDifference(image!.pixels, expected!.stages.at(-1)!.pixels)).toBeLessThanOrEqual(most);
  });

  it("refuses the captions that libtorch's side refuses, with the same message", async () => {
    for (const caption of ["", "🐦", "xyzzy brid"]) {
      const message = (() => {
        try {
          inTorch.read(caption);
        } catch (error) {
          return (error as Error).message;
        }
      })();
      expect(message).toBeDefined();
      await expect(generate(caption)).rejects.toThrow(message);
    }
  });
});

function about({
  seed,
  number,
  ignored,
  ...named
}: { seed: number; number: number; ignored: GeneratedImage["ignored"] } & (
  | { prompt: string }
  | { caption: string }
)) {
  return { caption: "prompt" in named ? named.prompt : named.caption, seed, number, ignored };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
