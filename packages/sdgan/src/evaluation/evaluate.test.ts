/** What evaluate computes, writes and keeps of a model. */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { figureKinds, UserError } from "@sdgan/core";
import { loadSafetensors, saveSafetensors, scope } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { InceptionV3 } from "../models/inception/inception-v3.js";
import { readMetrics } from "../run/metrics.js";
import { EvaluatedBirds, size } from "../testing/evaluated-birds.js";
import { train } from "../training/train.js";
import { sha256Of } from "../util/sha256.js";
import { makeEvaluator } from "./during-training.js";
import { evaluate } from "./evaluate.js";
import { trainingFigures } from "./result.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

let made: EvaluatedBirds;
const at = (...names: string[]) => made.at(...names);
beforeAll(async () => {
  made = await EvaluatedBirds.make();
  await made.trainRuns();
});
afterAll(() => made[Symbol.dispose]());

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
    expect(Object.keys(attributeAccuracy!.byAttribute!).sort()).toEqual(
      Object.keys(made.data.attributes!).sort(),
    );
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
  await made.train("small", ["damsm", "gan"], "generator.firstSize=8", "damsm.imageSize=16");
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
  const config = made.config("training.steps=6", "evaluate.every=1", "evaluate.images=32", "log.keep=1");
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
  const byAccuracy = made.config("evaluate.every=1", "evaluate.best=attributeAccuracy");
  await expect(train("gan", { ...options, config: byAccuracy, makeEvaluator })).rejects.toThrow(
    /evaluate\.best is attributeAccuracy, and there is no .*train an attribute classifier first/,
  );
});
