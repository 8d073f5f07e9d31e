import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tensor } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { birds } from "../data/birds/index.js";
import { attributes } from "../data/birds/species.js";
import { example, mapped, sourceOf } from "../data/fixtures.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { understand } from "../testing/bird-captions.js";
import { matchingOf } from "./matching.js";
import type { DamsmExtractor } from "./networks/damsm.js";
import { chooseTrials, type Trial } from "./trials.js";

let folder: string;
let data: Prepared;
let trials: Trial[];
const options = { split: "train", images: 30, seed: 3 } as const;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-matching-"));
  const out = join(folder, "birds");
  await prepare(birds({ species: 20, imagesPerSpecies: 3, size: 16 }), { out, size: 16, val: 0 });
  data = openPrepared(out);
  trials = chooseTrials(data, "train", options.images, options.seed);
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A DAMSM with given features of the images, in the order of the trials, and of captions. */
function fake(codes: number[][], read: (caption: string) => number[]): DamsmExtractor {
  let next = 0;
  return {
    about: { name: "fake", file: "", sha256: "", features: "", width: codes[0]!.length, resize: "none" },
    ...{ hasClasses: false, device: "cpu" as const },
    extract(images) {
      const from = next;
      next += images.size(0);
      return { features: tensor(codes.slice(from, next)), classes: [] };
    },
    read: (captions) => tensor(captions.map(read)),
  };
}

const oneHot = (at: number, length: number) => Array.from({ length }, (_, i) => (i === at ? 1 : 0));
const imageOf = (trial: Trial) => data.splits.train.images.at(trial.image);

it("R@1 is 1 if every image has its own caption's feature, and 0 if it has another class's", () => {
  const N = trials.length;
  const places = new Map(trials.map((trial, i) => [imageOf(trial).captions[trial.caption]!.text, i]));
  expect(places.size).toBe(N);
  const read = (text: string) => oneHot(places.get(text) ?? N, N + 1);
  const own = trials.map((_, i) => oneHot(i, N + 1));
  const { recall, images } = matchingOf(fake(own, read), { ...options, data });
  expect(images).toBe(N);
  for (const { share, chance, count } of [recall.imageToText, recall.textToImage]) {
    expect([share, count]).toEqual([1, N]);
    // Images of the same species do not count as wrong answers.
    expect(chance).toBeGreaterThan(1 / N);
    expect(chance).toBeLessThan(1.2 / N);
  }
  const other = (i: number) =>
    trials.findIndex((trial) => imageOf(trial).classId !== imageOf(trials[i]!).classId);
  const wrong = trials.map((_, i) => oneHot(other(i), N + 1));
  const { imageToText, textToImage } = matchingOf(fake(wrong, read), { ...options, data }).recall;
  expect([imageToText.share, textToImage.share]).toEqual([0, 0]);
});

it("R@1 takes captions of the same words as one answer, in both directions", async () => {
  const out = join(folder, "equal");
  const captions = ["a red bird", "A red bird.", "a blue bird"];
  const examples = captions.map((text, classId) => ({
    ...example(text, () => mapped(classId, 16), [{ text }]),
    classId,
  }));
  await prepare({ ...sourceOf(examples), classes: captions }, { out, size: 16, val: 0 });
  const equal = openPrepared(out);
  const own = { data: equal, split: "train", images: 3, seed: 0 } as const;
  const recallWith = (codes: number[][]) => {
    const inOrder = chooseTrials(equal, "train", 3, 0).map(({ image }) => codes[image]!);
    return matchingOf(
      fake(inOrder, (text) => (text.includes("blue") ? [0, 1] : [1, 0])),
      own,
    ).recall;
  };
  // The first image is nearer to the second caption than its own image.
  const right = { share: 1, chance: expect.closeTo((2 / 3 + 2 / 3 + 1 / 3) / 3, 12), count: 3 };
  const red = Array.of([1, 0], [0.9, 0.1]);
  expect(recallWith([...red, [0, 1]])).toEqual({ imageToText: right, textToImage: right });
  const { imageToText, textToImage } = recallWith([...red, [1, 0]]);
  expect([imageToText.share, textToImage.share]).toEqual([2 / 3, 0]);
  equal.close();
});

it("paraphrases: sentences that differ in one attribute are in their words, of the split's wording", async () => {
  const out = join(folder, "paraphrases");
  const source = birds({ species: 40, imagesPerSpecies: 3, size: 16, captions: "paraphrases" });
  await prepare(source, { out, size: 16, val: 0 });
  using paraphrases = Object.assign(openPrepared(out), {
    [Symbol.dispose](this: Prepared) {
      this.close();
    },
  });
  expect(paraphrases.variant).toEqual({ species: "40", images: "3", captions: "paraphrases" });
  const asked: string[] = [];
  const sizeOf = (text: string) => understand(text).size;
  const read = (text: string) => {
    asked.push(text);
    return sizeOf(text) === "large" ? [0.1, 1] : sizeOf(text) === "small" ? [1, 0.1] : [1, 1];
  };
  const own = chooseTrials(paraphrases, "test", 30, 3);
  const codes = own.map(({ image }) => oneHot(paraphrases.splits.test.images.at(image).attributes!.size!, 2));
  const { attributes: shares } = matchingOf(fake(codes, read), {
    ...{ data: paraphrases, split: "test", images: 30, seed: 3 },
  });
  expect(shares!.size).toEqual({ share: 1, chance: 0.5, count: 30 });
  expect(shares!.head!.chance).toBeCloseTo(0.1, 12);
  expect(asked.some((text) => /(wing|back|head|belly) feathers/.test(text))).toBe(true);
});

it("by attribute: only what both encoders distinguish is counted as right", () => {
  const small = (text: string) => /\b(small|little|tiny)\b/.test(text);
  const large = (text: string) => /\b(large|big)\b/.test(text);
  const codes = trials.map((trial) => oneHot(imageOf(trial).attributes!.size!, 2));
  const read = (text: string) => (small(text) ? [1, 0.1] : large(text) ? [0.1, 1] : [1, 1]);
  const { attributes: shares } = matchingOf(fake(codes, read), { ...options, data });
  expect(Object.keys(shares!)).toEqual(Object.keys(attributes));
  expect(shares!.size).toEqual({ share: 1, chance: 0.5, count: trials.length });
  // Equal scores are no answer.
  expect(shares!.head).toEqual({ share: 0, chance: expect.closeTo(0.1, 12), count: trials.length });
  expect(shares!.pattern!.chance).toBeCloseTo(1 / 3, 12);
});
