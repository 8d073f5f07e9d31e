/** Figures of generators whose images are known: real images, altered real images, and a caption oracle. */
import { type FigureName, metricNames } from "@sdgan/core";
import { functional, manualSeed, randn, type Tensor } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { captionOracle } from "../testing/caption-oracle.js";
import { EvaluatedBirds, size } from "../testing/evaluated-birds.js";
import { damsmByAttributes, type PickTrial, realImages } from "../testing/known-figures.js";
import type { FeatureExtractors, Generate } from "./extract-features.js";
import { measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { chooseTrials } from "./trials.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

let made: EvaluatedBirds;
const at = (...names: string[]) => made.at(...names);
let data: Prepared;
let extractors: FeatureExtractors;
beforeAll(async () => {
  made = await EvaluatedBirds.make();
  data = made.data;
  await made.train("run", ["attribute-classifier"]);
  const attributeClassifier = attributeExtractor(at("run"), { data, size, device: "cpu" });
  extractors = { attributeClassifier, damsm: damsmByAttributes(attributeClassifier, data) };
});
afterAll(() => made[Symbol.dispose]());

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
