import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ignoredLines, readTexts, UserError, Vocabulary } from "@sdgan/core";
import { manualSeed, Generator as RandomStream, saveSafetensors } from "@sdgan/torch";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeGenerator, modelFile } from "../artifacts/model.js";
import { joinStates } from "../artifacts/tensor-file.js";
import { loadConfig } from "../config/load.js";
import { readImagePositions } from "../images/grid.js";
import { TextEncoder } from "../models/text-encoder.js";
import { startRun } from "../run/run-folder.js";
import { tinyConfig } from "../testing/tiny.js";
import { ImageGenerator } from "./image-generator.js";
import { readCaptions, readPrompts } from "./prompts.js";
import { saveImages } from "./save.js";

let folder: string;
let run: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-image-generator-"));
  run = join(folder, "run");
  writeFileSync(join(folder, "tiny.yaml"), tinyConfig);
  const config = loadConfig(join(folder, "tiny.yaml"));
  const vocabulary = Vocabulary.build(["a small red bird with black wings and a long tail"]);
  using _ = startRun(run, config, vocabulary.format());
  manualSeed(1);
  const tensors = joinStates({
    generator: makeGenerator(config).stateDict(),
    text: new TextEncoder({ vocabularySize: vocabulary.size, ...config.text }).stateDict(),
  });
  saveSafetensors(join(run, modelFile), tensors, { step: "12" });
});
afterAll(() => rmSync(folder, { recursive: true }));

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const last = (image: { stages: { pixels: Uint8Array }[] }) => hash(image.stages.at(-1)!.pixels);

it("generates every stage of every image; all images differ", () => {
  const imageGenerator = new ImageGenerator(run);
  const images = [...imageGenerator.generate(["a red bird", "black wings"], { seed: 3, count: 2 })];
  expect(images.map(({ caption, seed, number }) => [caption, seed, number])).toEqual([
    ["a red bird", 3, 1],
    ["a red bird", 3, 2],
    ["black wings", 3, 1],
    ["black wings", 3, 2],
  ]);
  expect(images[0]!.stages.map(({ size, pixels }) => [size, pixels.length])).toEqual([
    [8, 8 * 8 * 3],
    [16, 16 * 16 * 3],
  ]);
  expect(imageGenerator.sizes).toEqual([8, 16]);
  expect(new Set(images.map(last)).size).toBe(4);
  expect(new Set([...imageGenerator.generate(["a red bird"], { seed: 4 })].map(last))).not.toContain(
    last(images[0]!),
  );
});

it("generates the same image of a caption alone and among others, and does not use the default random stream", () => {
  const imageGenerator = new ImageGenerator(run);
  const words = ["small", "red", "black", "long", "tail", "wings"];
  const others = Array.from({ length: 100 }, (_, i) => words.filter((_, w) => (i + 1) & (1 << w)).join(" "));
  const before = hash(RandomStream.default().state.toBytes());
  const [alone] = imageGenerator.generate(["a red bird"], { seed: 5 });
  const among = [
    ...imageGenerator.generate(
      [...others, "a red bird"].map((text) => text || "bird"),
      { seed: 5 },
    ),
  ].at(-1)!;
  expect(last(among)).toBe(last(alone!));
  expect([...imageGenerator.generate(["a red bird"], { seed: 5, count: 3 })].map(last)[0]).toBe(last(alone!));
  expect([...new ImageGenerator(run).generate(["A red   bird!"], { seed: 5 })].map(last)[0]).toBe(
    last(alone!),
  );
  expect(hash(RandomStream.default().state.toBytes())).toBe(before);
});

it("generates the same images in batches and one by one, up to rounding", () => {
  const imageGenerator = new ImageGenerator(run);
  const captions = ["a red bird", "black wings", "small", "a small red bird with black wings", "long tail"];
  const alone = [...imageGenerator.generate(captions, { seed: 5, count: 2 })];
  const together = [...imageGenerator.generate(captions, { seed: 5, count: 2, batch: 4 })];
  expect(together.map(({ caption, number }) => [caption, number])).toEqual(
    alone.map(({ caption, number }) => [caption, number]),
  );
  for (const [i, { stages }] of together.entries()) {
    for (const [s, { pixels, size }] of stages.entries()) {
      expect(size).toBe(alone[i]!.stages[s]!.size);
      const differences = pixels.map((value, p) => Math.abs(value - alone[i]!.stages[s]!.pixels[p]!));
      expect(Math.max(...differences)).toBeLessThanOrEqual(3);
    }
  }
});

it("returns with every image the words that did not affect it", () => {
  const words = ["small", "red", "black", "long", "tail", "wings"];
  const long = [...words, ...words, ...words, "mauve", "bird", "long", "bird"].join(" ");
  const images = [...new ImageGenerator(run).generate(["a red bird", long], { seed: 3, count: 2 })];
  expect(images.map(({ ignored }) => ignored)).toEqual([
    ...new Array(2).fill({ unknown: [], beyond: [], lost: [] }),
    ...new Array(2).fill({ unknown: ["mauve"], beyond: ["bird", "long", "bird"], lost: [] }),
  ]);
});

it("names the words that the ASCII tokenizer of a model drops or shortens", () => {
  const ascii = join(folder, "ascii");
  mkdirSync(ascii);
  for (const name of ["config.yaml", modelFile]) copyFileSync(join(run, name), join(ascii, name));
  const { words } = JSON.parse(readFileSync(join(run, "vocabulary.json"), "utf8"));
  writeFileSync(join(ascii, "vocabulary.json"), new Vocabulary(words, "attngan").format());
  const imageGenerator = new ImageGenerator(ascii);
  const [image] = imageGenerator.generate(["a small café bird, 红色的鸟"]);
  expect(image!.ignored).toEqual({ unknown: ["caf"], beyond: [], lost: ["café", "红色的鸟"] });
  const about = { maxWords: 18, tokenizer: "attngan" as const, most: 1 };
  expect(ignoredLines([image!.ignored], about)).toEqual([
    "The model's tokenizer attngan reads ASCII only and drops these words, or their other letters: café and 1 more",
    "The model does not know these words and ignores them: caf",
  ]);
});

it("refuses a caption before any image is generated", () => {
  const imageGenerator = new ImageGenerator(run);
  expect(() => imageGenerator.generate(["a red bird", "🐦"])).toThrow(UserError);
  expect(imageGenerator.read("a mauve bird with black wings").unknown).toEqual(["mauve"]);
});

it("writes PNGs with metadata and a grid, and keeps other files in the folder", async () => {
  const out = join(folder, "images");
  mkdirSync(out);
  writeFileSync(join(out, "mine.txt"), "mine");
  const captions = ["a red bird", `long ${"tail ".repeat(5000)}`, "bird 🐦 طائر"];
  const paths = await saveImages(new ImageGenerator(run), captions, { out, seed: 7, stages: true });
  expect(readdirSync(out).sort()).toEqual([
    "1-a-red-bird-1-stage1.png",
    "1-a-red-bird-1.png",
    "2-long-tail-tail-tail-tail-tail-tail-tail-1-stage1.png",
    "2-long-tail-tail-tail-tail-tail-tail-tail-1.png",
    "3-bird-طائر-1-stage1.png",
    "3-bird-طائر-1.png",
    "grid.png",
    "mine.txt",
  ]);
  expect(paths.at(-1)).toBe(join(out, "grid.png"));
  const png = readFileSync(join(out, "3-bird-طائر-1.png"));
  expect(readTexts(png)).toEqual({
    Description: captions[2],
    Software: "sdgan",
    Seed: "7",
    Number: "1",
    Checkpoint: "run, step 12",
    Ignored: "The model does not know these words and ignores them: طائر",
  });
  expect(readTexts(readFileSync(join(out, "1-a-red-bird-1.png")))).not.toHaveProperty("Ignored");
  expect(readTexts(readFileSync(join(out, "2-long-tail-tail-tail-tail-tail-tail-tail-1.png"))).Ignored).toBe(
    "The model reads 18 words per caption and ignores these words after them: tail",
  );
  expect(await sharp(png).metadata()).toMatchObject({ width: 16, height: 16, channels: 3 });
  await saveImages(new ImageGenerator(run), captions.slice(2), { out: join(folder, "other"), seed: 7 });
  expect(readFileSync(join(folder, "other", "1-bird-طائر-1.png")).equals(png)).toBe(true);
});

it("limits the grid to the first captions, and reports it", async () => {
  const out = join(folder, "many");
  const imageGenerator = new ImageGenerator(run);
  const reports: string[] = [];
  const onPartialGrid = (shown: string) => reports.push(shown);
  const paths = await saveImages(imageGenerator, new Array(70).fill("bird"), {
    out,
    count: 1,
    onPartialGrid,
  });
  expect(paths).toHaveLength(71);
  expect(paths[8]).toBe(join(out, "09-bird-1.png"));
  expect(readImagePositions(readFileSync(paths.at(-1)!))).toHaveLength(64);
  const { width } = await sharp(paths.at(-1)!).metadata();
  expect(width).toBeLessThan(1500);
  expect(reports).toEqual(["64 of 70 captions"]);
});

it("wraps the images of one caption, and shows whole captions", async () => {
  const out = join(folder, "wrapped");
  const imageGenerator = new ImageGenerator(run);
  const reports: string[] = [];
  const onPartialGrid = (shown: string) => reports.push(shown);
  const options = { out, batch: 64, onPartialGrid };
  const rowsOf = (path: string) => {
    const rows = new Map<number, number>();
    for (const { y } of readImagePositions(readFileSync(path))) rows.set(y, (rows.get(y) ?? 0) + 1);
    return [...rows.values()];
  };
  const many = await saveImages(imageGenerator, ["a red bird"], { ...options, count: 300 });
  expect(rowsOf(many.at(-1)!)).toEqual(new Array(8).fill(32));
  const { width = 0 } = await sharp(many.at(-1)!).metadata();
  expect(width).toBeLessThan(5000);
  const several = await saveImages(imageGenerator, ["a red bird", "bird"], {
    ...options,
    count: 40,
    stages: true,
  });
  expect(rowsOf(several.at(-1)!)).toEqual([32, 32, 16]);
  expect(reports).toEqual(["256 of 300 images per caption", "1 of 2 captions"]);
});

it("reads captions from a file, and names file and line of a caption without known words", () => {
  const file = join(folder, "captions.txt");
  writeFileSync(file, "\ufeffa red bird\r\n\r\n  black wings, mauve tail \n");
  const prompts = readCaptions(file);
  expect(prompts).toEqual([
    { caption: "a red bird", where: `${file}:1` },
    { caption: "black wings, mauve tail", where: `${file}:3` },
  ]);
  const imageGenerator = new ImageGenerator(run);
  expect(readPrompts(imageGenerator, prompts).map(({ unknown }) => unknown)).toEqual([[], ["mauve"]]);
  writeFileSync(file, "a red bird\nxyzzy\n");
  expect(() => readPrompts(imageGenerator, readCaptions(file))).toThrow(
    `${file}:2: The caption "xyzzy" has no word`,
  );
  expect(() => readPrompts(imageGenerator, readCaptions(file))).toThrow(
    expect.objectContaining({ code: "caption.unknown-words" }),
  );
  writeFileSync(file, "\n \n");
  expect(() => readCaptions(file)).toThrow(`${file}: has no caption`);
  expect(() => readCaptions(join(folder, "none.txt"))).toThrow(UserError);
});

it("names the missing or broken file of a run", () => {
  const broken = join(folder, "broken");
  mkdirSync(broken);
  expect(() => new ImageGenerator(broken)).toThrow(`${broken}: holds no run`);
  for (const name of ["config.yaml", "vocabulary.json"]) copyFileSync(join(run, name), join(broken, name));
  const model = join(broken, modelFile);
  expect(() => new ImageGenerator(broken)).toThrow(`${model}: there is no such file; train the GAN`);
  copyFileSync(join(run, modelFile), model);
  truncateSync(model, 5000);
  expect(() => new ImageGenerator(broken)).toThrow(`${model} is not a safetensors file`);
  copyFileSync(join(run, modelFile), model);
  writeFileSync(join(broken, "vocabulary.json"), new Vocabulary(["<end>", "bird"]).format());
  expect(() => new ImageGenerator(broken)).toThrow(`${model}: state does not fit the network`);
  for (const error of [() => new ImageGenerator(broken), () => new ImageGenerator(join(folder, "nowhere"))])
    expect(error).toThrow(UserError);
  expect(existsSync(model)).toBe(true);
});
