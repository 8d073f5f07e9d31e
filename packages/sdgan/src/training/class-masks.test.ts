/** Captions of an image's own class do not count as wrong answers, in DAMSM's training and in the GAN's DAMSM loss. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "@sdgan/core";
import { grad, manualSeed, randn, tensor } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeDamsm } from "../artifacts/damsm.js";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import type { Source } from "../data/dataset.js";
import { prepare } from "../data/prepare.js";
import { readMetrics } from "../run/metrics.js";
import { randomText } from "../testing/text.js";
import { tinyConfig } from "../testing/tiny.js";
import { damsmLosses } from "./damsm-task.js";
import { type Training, train } from "./train.js";

const folder = mkdtempSync(join(tmpdir(), "sdgan-classes-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => join(folder, ...names);
let config: Config;

/** The same images and captions, with classes assigned by their place. */
function classed(count: number, classOf: (place: number) => number): Source {
  const source = birds({ species: 8, imagesPerSpecies: 4, size: 16 });
  return {
    ...source,
    classes: Array.from({ length: count }, (_, i) => `class ${i}`),
    listing: source.listing!.map((one, place) => ({ ...one, classId: classOf(place) })),
    async *examples() {
      let place = 0;
      for await (const example of source.examples()) yield { ...example, classId: classOf(place++) };
    },
  };
}

beforeAll(async () => {
  writeFileSync(at("tiny.yaml"), tinyConfig);
  config = loadConfig(at("tiny.yaml"), ["data.workers=0"]);
  await prepare(
    classed(32, (place) => place),
    { out: at("own"), size: 16 },
  );
  await prepare(
    classed(2, (place) => place % 2),
    { out: at("two"), size: 16 },
  );
  await prepare(
    classed(1, () => 0),
    { out: at("one"), size: 16 },
  );
});

/** The losses of a training's first step. */
async function firstLosses(training: Training, data: string, run: string, damsm?: string) {
  await train(training, { ...{ data: at(data), run: at(run), config, damsm, steps: 1, device: "cpu" } });
  return readMetrics(at(run, training === "damsm" ? "damsm" : "", "metrics.jsonl"))[0]!;
}

it("a batch of one class has no loss and no gradient; a batch of pairs has the loss of each pair against the others", () => {
  manualSeed(1);
  const damsm = makeDamsm(config, 10);
  const text = randomText([3, 2, 4, 2], config.text.width);
  const images = randn([4, 3, 16, 16]).tanh();
  images.requiresGrad = true;
  const lossOf = (classIds: number[]) => {
    const ids = tensor(classIds, { dtype: "int64" });
    const { words, sentence } = damsmLosses(damsm, images, text, ids, config.damsm);
    return words.add(sentence);
  };
  const none = lossOf([5, 5, 5, 5]);
  expect(none.item()).toBe(0);
  expect(grad([none], [images])[0]!.abs().sum().item()).toBe(0);
  const [apart, pairs] = [lossOf([1, 2, 3, 4]).item(), lossOf([1, 1, 2, 2]).item()];
  expect(pairs).toBeGreaterThan(0);
  expect(apart).toBeGreaterThan(pairs);
});

it("DAMSM's training ignores them", async () => {
  const own = await firstLosses("damsm", "own", "own");
  const two = await firstLosses("damsm", "two", "two");
  for (const term of ["words", "sentence"]) {
    expect(two[term]).toBeGreaterThan(0);
    expect(two[term]).toBeLessThan(own[term]!);
  }
});

it("refuses to train DAMSM on one class, from which it would learn nothing", async () => {
  const training = train("damsm", { data: at("one"), run: at("one"), config, device: "cpu" });
  await expect(training).rejects.toThrow(
    /one: all training images are of one class.*prepare the data with several classes/,
  );
});

it("the GAN's DAMSM loss ignores them", async () => {
  const own = await firstLosses("gan", "own", "gan-own", at("own"));
  const one = await firstLosses("gan", "one", "gan-one", at("own"));
  for (const name of ["damsm/words", "damsm/sentence"]) {
    expect(own[name]).toBeGreaterThan(0);
    expect(one[name]).toBe(0);
  }
});
