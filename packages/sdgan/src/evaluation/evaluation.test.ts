/** End-to-end tests of the evaluation on a small set of birds, with networks trained on it. */

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, type FigureName, figureKinds, metricNames, UserError } from "@sdgan/core";
import {
  functional,
  loadSafetensors,
  manualSeed,
  randn,
  saveSafetensors,
  scope,
  type Tensor,
} from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import type { Example } from "../data/dataset.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Processes } from "../distributed/processes.js";
import { InceptionV3 } from "../models/inception/inception-v3.js";
import { readMetrics } from "../run/metrics.js";
import { captionOracle } from "../testing/caption-oracle.js";
import { damsmByAttributes, type PickTrial, realImages } from "../testing/known-figures.js";
import { tinyConfig } from "../testing/tiny.js";
import { train } from "../training/train.js";
import { sha256Of } from "../util/sha256.js";
import { makeEvaluator } from "./during-training.js";
import { evaluate, NotWritten } from "./evaluate.js";
import type { FeatureExtractors, Generate } from "./extract-features.js";
import { measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { trainingFigures } from "./result.js";
import { chooseTrials } from "./trials.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

const size = 64;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
let data: Prepared;
let extractors: FeatureExtractors;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-evaluation-"));
  await prepare(birds({ species: 160, imagesPerSpecies: 3, size }), { out: at("data"), size });
  data = openPrepared(at("data"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  const config = (...more: string[]): Config => loadConfig(at("tiny.yaml"), [...settings, ...more]);
  const options = { data: at("data"), run: at("run"), config: config() };
  for (const training of ["attribute-classifier", "damsm", "gan"] as const) await train(training, options);
  await train("damsm", { ...options, run: at("other"), config: config("seed=1", "text.width=32") });
  const attributeClassifier = attributeExtractor(at("run"), { data, size, device: "cpu" });
  extractors = { attributeClassifier, damsm: damsmByAttributes(attributeClassifier, data) };
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true, force: true });
});
const settings = [
  "data.workers=0",
  "attributeClassifier.width=8",
  "attributeClassifier.batch=32",
  "attributeClassifier.steps=200",
  "attributeClassifier.learningRate=4e-3",
  "training.steps=2",
  "damsm.imageSize=32",
  "generator.firstSize=32",
];

const own: PickTrial = (place) => place;
const trialCount = 120;

/** Figures of a generator that returns real images, chosen by `pick` and altered by `alter`. */
async function figuresOf(
  pick: PickTrial,
  alter = (images: Tensor) => images,
): Promise<Record<FigureName, number>> {
  manualSeed(5);
  const trials = chooseTrials(data, "test", trialCount, 0);
  const real = realImages(data, trials, pick);
  const generate: Generate = (captions, noise) => alter(real(captions, noise));
  const { figures, leftOut } = await measure({
    ...{ data, split: "test", generate, size, trials, extractors, seed: 0, metrics: metricNames },
    device: "cpu",
  });
  expect(leftOut).toEqual([]);
  return Object.fromEntries(
    Object.entries(figures).map(([name, { generated }]) => [name, generated]),
  ) as Record<FigureName, number>;
}

it("the splits val and test have no image in common", () => {
  const idsOf = (split: "val" | "test") =>
    new Set(chooseTrials(data, split, 1000, 0).map(({ image }) => data.splits[split].images.at(image).id));
  const [val, test] = [idsOf("val"), idsOf("test")];
  expect([val.size, test.size]).toEqual([18, 120]);
  expect([...val].filter((id) => test.has(id))).toEqual([]);
});

describe("figures of altered real images", () => {
  let truth: Record<FigureName, number>;
  beforeAll(async () => {
    truth = await figuresOf(own);
  });

  it("are perfect for unaltered images, except those limited by the networks", () => {
    expect(truth.frechetDistance).toBeLessThan(1e-4);
    expect(truth).toMatchObject({ precision: 1, recall: 1, variety: 1 });
    expect(truth).toMatchObject({ consistencyRatio: 0, consistencyRetrieval: 1, noiseDiversity: 0 });
    expect(truth.sameCaptionRatio).toBe(0);
    expect(truth.attributeAccuracy).toBeGreaterThan(0.5);
    expect(truth.rPrecision).toBeGreaterThan(0.1);
  });

  it("get worse with more noise and with blur", async () => {
    const noisy = (amount: number) => figuresOf(own, (images) => images.add(randn(images.shape).mul(amount)));
    const [little, much] = [await noisy(0.2), await noisy(1)];
    expect(much!.precision).toBeLessThan(0.8);
    const blurred = await figuresOf(own, (images) =>
      functional.upsampleNearest(functional.avgPool2d(images, 8), 8),
    );
    for (const name of ["frechetDistance", "kernelDistance"] as const) {
      expect(little![name]).toBeGreaterThan(truth[name]);
      expect(much![name]).toBeGreaterThan(little![name]);
      expect(blurred[name]).toBeGreaterThan(truth[name]);
    }
    for (const worse of [much!, blurred]) {
      expect(worse.attributeAccuracy).toBeLessThan(truth.attributeAccuracy - 0.05);
      expect(worse.rPrecision).toBeLessThan(truth.rPrecision);
    }
  });

  it("detect collapse by recall, Inception Score and distances, and collapse to one image by variety", async () => {
    const collapsed = await figuresOf((place) => place % 3);
    expect(collapsed.precision).toBe(1);
    expect(collapsed.recall).toBeLessThan(0.1);
    expect((await figuresOf(() => 0)).variety).toBeLessThan(1e-3);
    expect(collapsed.inceptionScore).toBeLessThan(truth.inceptionScore);
    expect(collapsed.frechetDistance).toBeGreaterThan(100 * truth.frechetDistance);
  });

  it("detect swapped captions by R-precision and attribute accuracy, not by the Fréchet distance", async () => {
    const swapped = await figuresOf((place) => (place + trialCount / 2 + 1) % trialCount);
    expect(swapped.rPrecision).toBeLessThan(truth.rPrecision / 2);
    expect(swapped.attributeAccuracy).toBeLessThan(truth.attributeAccuracy - 0.1);
    expect(swapped.frechetDistance).toBeLessThan(1e-4);
  });

  it("measure consistency of captions of one image, and diversity by noise and by words", async () => {
    const far = (place: number) => (place + trialCount / 2 + 1) % trialCount;
    const apart = await figuresOf((place, { partner }) => (partner ? far(place) : place));
    expect(apart.consistencyRatio).toBeCloseTo(1, 1);
    expect(apart.consistencyRetrieval).toBeLessThan(0.1);
    expect(apart.wordDiversity).toBeGreaterThan(0.8);
    expect(truth.wordDiversity).toBe(0);
    const byNoise = await figuresOf((place, { number }) => (number === 2 ? far(place) : place));
    expect(byNoise.noiseDiversity).toBeGreaterThan(0.8);
    expect(byNoise.consistencyRatio).toBe(0);
  });
});

describe("a caption oracle", () => {
  const figures = async (ignored: number) => {
    const trials = chooseTrials(data, "test", trialCount, 0);
    const generate = await captionOracle(data, trials, ignored);
    const metrics = ["attributeAccuracy", "consistency", "diversity"] as const;
    const options = {
      data,
      split: "test",
      generate,
      size,
      trials,
      extractors,
      seed: 0,
      metrics,
      device: "cpu",
    } as const;
    return (await measure(options)).figures;
  };

  it("renders named attributes and samples the others; if it ignores all captions, it is at chance", async () => {
    const [exact, ignoring] = [await figures(0), await figures(1)];
    const { generated, real, chance } = exact.attributeAccuracy!;
    expect(Math.abs(generated - real!)).toBeLessThan(0.06);
    expect(Math.abs(ignoring.attributeAccuracy!.generated - chance!)).toBeLessThan(0.06);
    expect(exact.consistencyRetrieval!.generated).toBeGreaterThan(
      2 * ignoring.consistencyRetrieval!.generated,
    );
    expect(exact.noiseDiversity!.generated).toBeGreaterThan(0.5);
    expect(exact.sameCaptionRatio!.generated).toBe(0);
  });

  it("gives the same image for all paraphrases, so its ratio is 0", async () => {
    const source = birds({ species: 40, imagesPerSpecies: 3, size, captions: "paraphrases" });
    await prepare(source, { out: at("paraphrases"), size });
    const paraphrases = openPrepared(at("paraphrases"));
    const trials = chooseTrials(paraphrases, "test", 30, 0);
    const { figures } = await measure({
      ...{ data: paraphrases, split: "test", size, trials, extractors, seed: 0, device: "cpu" },
      ...{
        metrics: ["consistency", "attributeAccuracy"],
        generate: await captionOracle(paraphrases, trials),
      },
    });
    paraphrases.close();
    expect(figures.consistencyRatio!.generated).toBe(0);
    expect(figures.consistencyRetrieval!.generated).toBe(1);
    expect(figures.attributeAccuracy!.generated).toBeGreaterThan(0.5);
  });
});

describe("evaluate", () => {
  const options = () => ({ run: at("run"), data: at("data"), images: 40, seed: 0 });
  const refusal = async (more: object): Promise<string> => {
    const error = await evaluate({ ...options(), ...more }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  };

  it("computes all possible metrics and writes them with model, data and networks", async () => {
    const progress: number[] = [];
    const result = await evaluate({
      ...{ ...options(), images: 130, damsm: at("other") },
      onImage: (done) => progress.push(done),
    });
    expect(progress).toEqual([32, 64, 96, 128, 130]);
    expect(JSON.parse(readFileSync(at("run", "evaluation.json"), "utf8"))).toEqual(result);
    expect(
      JSON.parse(readFileSync(at("run", "evaluations", "step-0000002-seed-0-images-130.json"), "utf8")),
    ).toEqual(result);
    expect(existsSync(result.grid)).toBe(true);
    expect(result).toMatchObject({ run: "run", step: 2, seed: 0, size, leftOut: [] });
    expect(result).toMatchObject({ images: 130, realImages: 120 });
    const index = sha256Of(at("data", "index.json"));
    expect(result.data).toEqual({
      ...{ folder: at("data"), sha256: index, source: "birds", variant: { species: "160", images: "3" } },
      ...{ split: "test", images: 120 },
    });
    const hashes = { data: index, damsm: sha256Of(at("run", "damsm", "damsm.safetensors")) };
    const model = { file: "model.safetensors", sha256: sha256Of(at("run", "model.safetensors")), ...hashes };
    expect(result.model).toEqual(model);
    // The captions of birds have no languages.
    const expected = Object.keys(figureKinds).filter((name) => !name.startsWith("language"));
    expect(Object.keys(result.figures)).toEqual(expected);
    for (const figure of Object.values(result.figures)) {
      expect(Number.isFinite(figure.generated)).toBe(true);
      expect(figure.count).toBeGreaterThan(1);
    }
    const { attributeClassifier, damsm } = result.networks;
    expect(attributeClassifier).toMatchObject({
      width: 64,
      resize: "none",
      file: at("run", "attribute-classifier", "attribute-classifier.safetensors"),
    });
    expect(attributeClassifier!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(damsm).toMatchObject({ width: 32, resize: "averaged from 64 to 32 pixels" });
    expect(damsm!.name).toContain("seed 1");
    const { rPrecision, attributeAccuracy } = result.figures;
    expect(rPrecision).toMatchObject({ chance: 0.01, candidates: 100, parts: 10, network: "damsm" });
    expect(attributeAccuracy!.real).toBeGreaterThan(attributeAccuracy!.chance! + 0.2);
    expect(Object.keys(attributeAccuracy!.byAttribute!).sort()).toEqual(Object.keys(data.attributes!).sort());
  });

  it("returns the same figures for the same seed, and others for another seed", async () => {
    const figures = async (seed: number) => (await evaluate({ ...options(), seed })).figures;
    const first = await figures(3);
    expect(await figures(3)).toEqual(first);
    expect((await figures(4)).frechetDistance!.generated).not.toBe(first.frechetDistance!.generated);
  });

  it("keeps earlier figures of the same images, and files of other images", async () => {
    const same = { images: 130, damsm: at("other") };
    const before = await evaluate({ ...options(), ...same });
    const again = await evaluate({ ...options(), ...same, damsm: undefined, metrics: ["attributeAccuracy"] });
    expect(again).toEqual(before);
    const other = await evaluate({ ...options(), metrics: ["attributeAccuracy"] });
    expect(Object.keys(other.figures)).toEqual(["attributeAccuracy", "otherCaptionsAccuracy"]);
    const kept = at("run", "evaluations", "step-0000002-seed-0-images-130.json");
    expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual(before);
  });

  it("refuses to merge with figures of another model, and keeps those", async () => {
    cpSync(at("run"), at("swapped"), { recursive: true });
    const run = { run: at("swapped"), images: 130, metrics: ["attributeAccuracy"] as const };
    await evaluate({ ...options(), ...run });
    const before = readFileSync(at("swapped", "evaluation.json"), "utf8");
    const hash = () => sha256Of(at("swapped", "model.safetensors")).slice(0, 12);
    const then = hash();
    copyFileSync(at("swapped", "model.safetensors"), at("model-of-before"));
    const { tensors, metadata } = loadSafetensors(at("model-of-before"));
    const [name, weights] = [...tensors].find(([name]) => name.startsWith("generator."))!;
    saveSafetensors(
      at("swapped", "model.safetensors"),
      new Map([...tensors, [name, weights.add(1)]]),
      metadata,
    );
    const message = await refusal(run);
    expect(message).toContain(
      `${at("swapped", "evaluation.json")}: has figures of another model: it records the SHA-256 ${then} of`,
    );
    expect(message).toContain(`and ${at("swapped", "model.safetensors")} has ${hash()}`);
    expect(message).toContain("move");
    expect(hash()).not.toBe(then);
    expect(readFileSync(at("swapped", "evaluation.json"), "utf8")).toBe(before);
    // Another number of images has another file name.
    expect((await evaluate({ ...options(), ...run, images: 20 })).images).toBe(20);
  });

  it("drops figures of other data at the same path", async () => {
    cpSync(at("run"), at("elsewhere"), { recursive: true });
    const run = { run: at("elsewhere"), data: at("changing"), images: 20 };
    const prepared = (seed: number, traits?: "correlated") => {
      const source = birds({ species: 20, imagesPerSpecies: 4, size, seed, ...(traits && { traits }) });
      return prepare(source, { out: at("changing"), size });
    };
    await prepared(0);
    const first = await evaluate({ ...options(), ...run, metrics: ["attributeAccuracy"] });
    const both = await evaluate({ ...options(), ...run, metrics: ["precisionRecall"] });
    expect(both.figures).toMatchObject(first.figures);
    expect(first.data.variant).toEqual({ species: "20", images: "4" });
    await prepared(1, "correlated");
    const other = await evaluate({ ...options(), ...run, metrics: ["precisionRecall"] });
    expect(other.data.sha256).not.toBe(first.data.sha256);
    expect(other.data.variant).toEqual({ species: "20", images: "4", seed: "1", traits: "correlated" });
    expect(Object.keys(other.figures)).toEqual(["precision", "recall"]);
  });

  it("computes the metrics that three test images allow, however many are generated", async () => {
    await prepare(birds({ species: 4, imagesPerSpecies: 3, size }), { out: at("few"), size });
    const few = at("few-run");
    cpSync(at("run"), few, { recursive: true });
    const { figures, leftOut } = await evaluate({ ...options(), run: few, data: at("few") });
    expect(figures.frechetDistance!.realCount).toBe(3);
    expect(leftOut.map(({ metric, why }) => `${metric} ${why}`)).toEqual([
      `kernelDistance needs 4 images in the split test, and ${at("few")} has 3`,
      `precisionRecall needs 4 images in the split test, and ${at("few")} has 3`,
      expect.stringMatching(/^rPrecision needs a DAMSM/),
    ]);
  });

  it("leaves out metrics that cannot be computed, and reports what is needed", async () => {
    const { figures, leftOut } = await evaluate({ ...options(), images: 8 });
    expect(Object.keys(figures)).not.toContain("rPrecision");
    expect(leftOut).toEqual([
      { metric: "inceptionScore", why: "needs 10 images: give --images 10 or more" },
      {
        metric: "rPrecision",
        why: expect.stringMatching(/^needs a DAMSM from another seed .*--damsm OTHER$/),
      },
    ]);
  });

  it("refuses a requested metric that cannot be computed, and keeps earlier figures", async () => {
    const before = readFileSync(at("run", "evaluation.json"), "utf8");
    expect(await refusal({ metrics: ["rPrecision"] })).toMatch(/^rPrecision needs a DAMSM from another seed/);
    expect(await refusal({ metrics: ["rPrecision"], damsm: at("other") })).toMatch(
      /needs 99 captions of other classes for every image.*more --images/,
    );
    expect(await refusal({ metrics: ["inceptionScore"], images: 3 })).toMatch(/give --images 10/);
    expect(await refusal({ attributeClassifier: at("other") })).toMatch(
      /other.*attribute-classifier\.safetensors: there is no such file/,
    );
    expect(await refusal({ inception: at("run", "model.safetensors") })).toMatch(/model\.safetensors/);
    expect(await refusal({ checkpoint: 7 })).toMatch(/step-0000007\.safetensors: there is no such file/);
    expect(await refusal({ checkpoint: "best" })).toMatch(/was not evaluated during training/);
    expect(readFileSync(at("run", "evaluation.json"), "utf8")).toBe(before);
  });

  it("refuses, in one of several processes, other inputs than those of process 0", async () => {
    const beside = (first: Record<string, unknown>) =>
      ({
        ...{ rank: 1, worldSize: 2, isFirst: false, meet: async () => {} },
        fromFirst: (own: Record<string, unknown>) => ({ ...own, ...first }),
      }) as unknown as Processes;
    expect(await refusal({ processes: beside({ seed: 5, model: "0".repeat(64) }) })).toMatch(
      /process 1 evaluates with other files or options than process 0 \(seed, model\)/,
    );
    expect(await refusal({ metrics: ["diversity"], processes: beside({ metrics: undefined }) })).toMatch(
      /process 0 \(metrics\)/,
    );
  });

  it("refuses data without test images in one line", async () => {
    const only = birds({ species: 8, imagesPerSpecies: 1, size });
    const training = {
      ...only,
      listing: only.listing!.filter(({ split }) => split === "train").slice(0, 1),
      async *examples(): AsyncGenerator<Example> {
        for await (const one of only.examples()) {
          if (one.split !== "train") continue;
          yield one;
          return;
        }
      },
    };
    await prepare(training, { out: at("one"), size });
    expect(await refusal({ data: at("one") })).toBe(
      `${at("one")}: has no images in the split test, which evaluation uses: prepare the data again; sdgan prepare sets ` +
        "some aside if the data has no such split and at least two images",
    );
  });

  it("tries whether the result can be written before it measures", async () => {
    for (const name of ["evaluation.png", join("evaluations", "step-0000002-seed-0-images-20.json")]) {
      cpSync(at("run"), at("blocked"), { recursive: true });
      rmSync(at("blocked", name), { force: true });
      mkdirSync(at("blocked", name), { recursive: true });
      const onImage = vi.fn();
      expect(await refusal({ run: at("blocked"), images: 20, onImage })).toContain(
        `${at("blocked", name)}: is a folder`,
      );
      expect(onImage).not.toHaveBeenCalled();
      rmSync(at("blocked"), { recursive: true });
    }
    cpSync(at("run"), at("blocked"), { recursive: true });
    rmSync(at("blocked", "evaluations"), { recursive: true, force: true });
    writeFileSync(at("blocked", "evaluations"), "a file");
    expect(await refusal({ run: at("blocked"), images: 20 })).toContain(at("blocked", "evaluations"));
    rmSync(at("blocked"), { recursive: true });
  });

  it("returns the result with the error if it cannot be written after all", async () => {
    cpSync(at("run"), at("lost"), { recursive: true });
    rmSync(at("lost", "evaluation.png"), { force: true });
    const onImage = () => mkdirSync(at("lost", "evaluation.png"), { recursive: true });
    const run = { ...options(), run: at("lost"), images: 20 };
    const error = await evaluate({ ...run, onImage }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(NotWritten);
    const { message, result } = error as NotWritten;
    expect(message).toMatch(
      /lost\/evaluation\.png: .*; the result was measured, but is not in the run folder$/,
    );
    expect(result.images).toBe(20);
    expect(result.figures.attributeAccuracy!.count).toBeGreaterThan(0);
  });

  it("refuses the DAMSM that the generator was trained with, and a copy of it", async () => {
    mkdirSync(at("copy", "damsm"), { recursive: true });
    for (const name of readdirSync(at("run", "damsm")).filter((name) => name.includes(".")))
      if (!name.includes("tfevents")) copyFileSync(at("run", "damsm", name), at("copy", "damsm", name));
    for (const run of ["run", "copy"])
      expect(await refusal({ damsm: at(run) })).toMatch(
        /is the DAMSM that .* was trained with.*another seed/,
      );
  });

  it("without an attribute classifier, compares by the given DAMSM; without any network, refuses", async () => {
    mkdirSync(at("bare"));
    for (const name of ["config.yaml", "vocabulary.json", "model.safetensors"])
      copyFileSync(at("run", name), at("bare", name));
    const bare = { run: at("bare") };
    const { figures, networks } = await evaluate({ ...options(), ...bare, damsm: at("other") });
    expect(Object.keys(networks)).toEqual(["damsm"]);
    expect(figures.frechetDistance).toMatchObject({ network: "damsm" });
    expect(await refusal(bare)).toBe(
      `${at("bare")}: there is no feature network to measure with. This trains a DAMSM of another seed on the same data, ` +
        `and measures with it: npx sdgan evaluate --run ${at("bare")} --data ${at("data")} --train-damsm`,
    );
    expect(await refusal({ ...bare, metrics: ["attributeAccuracy"] })).toMatch(
      /^attributeAccuracy needs an attribute classifier/,
    );
    expect(await refusal({ ...bare, metrics: ["inceptionScore"], damsm: at("other") })).toMatch(
      /needs a network that predicts classes/,
    );
  });
});

it("uses features and classes of Inception if its weights are given", async () => {
  const file = at("inception.safetensors");
  scope(() => saveSafetensors(file, new InceptionV3("fid").stateDict()));
  const { figures, networks } = await evaluate({
    ...{ run: at("run"), data: at("data"), inception: file, images: 10, seed: 0 },
    metrics: ["inceptionScore", "frechetDistance"],
  });
  expect(networks).toEqual({
    inception: expect.objectContaining({ file, width: 2048, resize: expect.stringContaining("TensorFlow") }),
  });
  expect(figures.inceptionScore).toMatchObject({ network: "inception", parts: 10, count: 10, realCount: 10 });
  expect(figures.frechetDistance!.generated).toBeGreaterThan(0);
});

it("compares a model of small images with real images of the same size", async () => {
  const config = loadConfig(at("tiny.yaml"), [...settings, "generator.firstSize=8", "damsm.imageSize=16"]);
  const options = { data: at("data"), run: at("small"), config };
  for (const training of ["damsm", "gan"] as const) await train(training, options);
  const result = await evaluate({
    run: at("small"),
    data: at("data"),
    attributeClassifier: at("run"),
    images: 20,
    seed: 0,
  });
  expect(result.size).toBe(16);
  expect(result.networks.attributeClassifier!.resize).toBe("enlarged from 16 to 64 pixels, bilinear");
  expect(result.figures.attributeAccuracy!.real).toBeGreaterThan(0.2);
});

it("training writes figures, and its best checkpoint can be evaluated", async () => {
  const config = loadConfig(at("tiny.yaml"), [
    ...settings,
    ...["training.steps=6", "evaluate.every=1", "evaluate.images=32", "log.keep=1"],
  ]);
  mkdirSync(at("evaluated", "attribute-classifier"), { recursive: true });
  copyFileSync(
    at("run", "attribute-classifier", "attribute-classifier.safetensors"),
    at("evaluated", "attribute-classifier", "attribute-classifier.safetensors"),
  );
  await train("gan", { data: at("data"), run: at("evaluated"), config, damsm: at("run"), makeEvaluator });
  const lines = readMetrics(at("evaluated", "metrics.jsonl")).filter(
    (line) => "attributeClassifier/attributeAccuracy" in line,
  );
  expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(Object.keys(lines[0]!)).toEqual([
    "step",
    ...trainingFigures.map((name) => `attributeClassifier/${name}`),
  ]);
  const distances = lines.map((line) => line["attributeClassifier/frechetDistance"] as number);
  const best = 1 + distances.indexOf(Math.min(...distances));
  const result = await evaluate({
    ...{ run: at("evaluated"), data: at("data") },
    ...{ images: 20, seed: 0, checkpoint: "best" },
  });
  expect(result.step).toBe(best);

  const options = { data: at("data"), run: at("unclassified"), damsm: at("run") };
  const byAccuracy = loadConfig(at("tiny.yaml"), [
    ...settings,
    "evaluate.every=1",
    "evaluate.best=attributeAccuracy",
  ]);
  await expect(train("gan", { ...options, config: byAccuracy, makeEvaluator })).rejects.toThrow(
    /evaluate\.best is attributeAccuracy, and there is no .*train an attribute classifier first/,
  );
});
