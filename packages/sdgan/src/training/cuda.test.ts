/** Training, generation and evaluation on a simulated GPU, which computes on the CPU with a GPU's restrictions. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "@sdgan/core";
import { randn } from "@sdgan/torch";
import { type SimulatedCuda, simulateCuda } from "@sdgan/torch/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { readTensors } from "../artifacts/tensor-file.js";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { makeEvaluator } from "../evaluation/during-training.js";
import { evaluate } from "../evaluation/evaluate.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { readMetrics } from "../run/metrics.js";
import { tinyConfig } from "../testing/tiny.js";
import { type Training, train } from "./train.js";

let folder: string;
let data: string;
let config: Config;
let gpu: SimulatedCuda;
const run = (name: string) => join(folder, name);
const settings = [
  "data.workers=0",
  "log.every=4",
  "generator.firstSize=32",
  "attributeClassifier.width=4",
  "attributeClassifier.batch=4",
  "attributeClassifier.steps=8",
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-cuda-"));
  data = run("data");
  writeFileSync(run("tiny.yaml"), tinyConfig);
  config = loadConfig(run("tiny.yaml"), [...settings, "log.sampleEvery=100", "log.checkpointEvery=100"]);
  await prepare(birds({ species: 8, imagesPerSpecies: 4, size: 64 }), { out: data, size: 64 });
  gpu = simulateCuda();
  for (const training of ["damsm", "attribute-classifier", "gan"] as const)
    await train(training, { data, run: run("whole"), config });
  gpu[Symbol.dispose]();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  gpu = simulateCuda();
});
afterEach(() => gpu[Symbol.dispose]());

it.each<Training>(["damsm", "attribute-classifier", "gan"])(
  "steps of train %s are waited for only when they are logged",
  async (training) => {
    const begun: string[] = [];
    const waits: number[] = [];
    const name = `waits-${training}`;
    if (training === "gan") await train("damsm", { data, run: run(name), config });
    await train(training, {
      ...{ data, run: run(name), config, steps: 8 },
      onBegin({ device }) {
        begun.push(device);
        waits.push(gpu.waits);
      },
      onStep: () => waits.push(gpu.waits),
    });
    expect(begun).toEqual(["cuda"]);
    expect(waits.slice(1).map((count, i) => count - waits[i]!)).toEqual([0, 0, 0, 1, 0, 0, 0, 1]);
  },
);

it.each([
  { training: "damsm", file: "damsm/damsm.safetensors" },
  { training: "attribute-classifier", file: "attribute-classifier/attribute-classifier.safetensors" },
  { training: "gan", file: "model.safetensors" },
] as const)("train $training stopped and resumed ends in the same bytes", async ({ training, file }) => {
  const name = `resumed-${training}`;
  if (training === "gan") await train("damsm", { data, run: run(name), config });
  await train(training, { data, run: run(name), config, steps: 3 });
  randn([5], { device: "cuda" }); // Advances the random stream before training resumes.
  await train(training, { data, run: run(name), config: "resume" });
  expect(readFileSync(join(run(name), file)).equals(readFileSync(join(run("whole"), file)))).toBe(true);
});

it("options against overfitting run on the GPU, and stopped and resumed end in the same bytes", async () => {
  const options = loadConfig(run("tiny.yaml"), [
    ...[...settings, "log.sampleEvery=100", "log.checkpointEvery=100", "discriminator.norm=spectral"],
    ...["augment.policy=[color,translation,cutout]", "augment.target=0.1", "augment.images=16"],
    ...["penalty.kind=matchingAware", "penalty.every=2", "training.loss=hinge", "training.decay=linear"],
  ]);
  const damsm = run("whole");
  const waits: number[] = [];
  await train("gan", {
    ...{ data, run: run("options"), config: options, damsm },
    onBegin: () => waits.push(gpu.waits),
    onStep: () => waits.push(gpu.waits),
  });
  // Adaptive probabilities of both stages are computed every 4 steps.
  expect(waits.slice(1).map((count, i) => count - waits[i]!)).toEqual([0, 0, 0, 3, 0, 0, 0, 3]);
  await train("gan", { data, run: run("options-resumed"), config: options, damsm, steps: 3 });
  await train("gan", { data, run: run("options-resumed"), config: "resume" });
  const model = (name: string) => readFileSync(join(run(name), "model.safetensors"));
  expect(model("options-resumed").equals(model("options"))).toBe(true);
});

it("resumes a training on another device", async () => {
  await train("damsm", { data, run: run("moved"), config, steps: 3 });
  await train("damsm", { data, run: run("moved"), config: "resume", steps: 5, device: "cpu" });
  await train("damsm", { data, run: run("moved"), config: "resume", device: "cuda" });
  expect(readMetrics(join(run("moved"), "damsm/metrics.jsonl")).map(({ step }) => step)).toEqual([4, 8]);
});

it("a checkpoint has the random states of GPU and CPU", () => {
  const path = join(run("whole"), "checkpoints/step-0000008.safetensors");
  const { tensors } = readTensors(path, "");
  expect([...tensors.keys()].filter((name) => name.startsWith("random."))).toEqual([
    "random.default",
    "random.cuda",
  ]);
});

it("samples and evaluations do not change the GPU's random state", async () => {
  const often = loadConfig(run("tiny.yaml"), [
    ...[...settings, "log.sampleEvery=2", "log.checkpointEvery=100"],
    ...["evaluate.every=2", "evaluate.images=16"],
  ]);
  await train("damsm", { data, run: run("sampled"), config: often });
  await train("gan", { data, run: run("sampled"), config: often, makeEvaluator });
  const model = (name: string) => readFileSync(join(run(name), "model.safetensors"));
  expect(model("sampled").equals(model("whole"))).toBe(true);
});

it("images are generated from the same noise on both devices", () => {
  const pixels = (device: "cpu" | "cuda") => {
    const imageGenerator = new ImageGenerator(run("whole"), { device });
    expect(imageGenerator.device).toBe(device);
    return [...imageGenerator.generate(["a small bird"], { seed: 3 })][0]!.stages.at(-1)!.pixels;
  };
  expect(pixels("cuda")).toEqual(pixels("cpu"));
});

it("an attribute classifier runs on the GPU", async () => {
  const options = { run: run("whole"), data, images: 4, seed: 0 };
  const there = await evaluate(options);
  const here = await evaluate({ ...options, device: "cpu" });
  expect(there.figures.attributeAccuracy!.count).toBeGreaterThan(0);
  expect(there).toEqual(here);
});
