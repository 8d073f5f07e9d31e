/** Consistency across languages, and its floor, of generators whose images are known. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FigureName, type NoiseSeed, Random } from "@sdgan/core";
import { tensor } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { birds } from "../data/birds/index.js";
import type { Example, Source } from "../data/dataset.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Generate } from "./extract-features.js";
import { measure } from "./measure.js";
import type { FeatureExtractor } from "./networks/feature-extractor.js";
import { trainingFigures } from "./result.js";
import { captionOf, chooseTrials, groupSizes } from "./trials.js";

const size = 16;
let folder: string;
let data: Prepared;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-languages-"));
  const out = join(folder, "data");
  await prepare(inTwoLanguages(birds({ species: 40, imagesPerSpecies: 4, size })), { out, size });
  data = openPrepared(out);
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Two English captions and a German one of every image, which name it by a number. */
function inTwoLanguages(source: Source): Source {
  let number = 0;
  return {
    ...source,
    async *examples(): AsyncGenerator<Example> {
      for await (const example of source.examples()) {
        number++;
        const captions = [
          { text: `bird ${number}`, language: "en" },
          { text: `number ${number} is a bird`, language: "en-GB" },
          { text: `vogel ${number}`, language: "de" },
        ];
        yield { ...example, captions };
      }
    },
  };
}

/** The features of a generated image are the mean of each channel. */
const extractor: FeatureExtractor = {
  about: { name: "means", file: "", sha256: "", features: "", width: 3, resize: "none" },
  hasClasses: false,
  extract: (images) => ({ features: images.mean([2, 3]), classes: [] }),
};

/** Generates an image of one colour from a caption and its noise. */
async function figuresOf(
  colourOf: (text: string, noise: NoiseSeed) => number[],
  wanted?: readonly FigureName[],
): Promise<Partial<Record<FigureName, number>>> {
  const generate: Generate = (captions, noise) =>
    tensor(
      captions.map(({ text }, i) => colourOf(text, noise[i]!)),
      { shape: [captions.length, 3, 1, 1], dtype: "float32" },
    ).expand(-1, -1, size, size);
  const trials = chooseTrials(data, "test", 200, 0);
  const { figures } = await measure({
    ...{ data, split: "test", generate, size, device: "cpu", trials, seed: 0, metrics: ["consistency"] },
    ...{ extractors: { inception: extractor }, ...(wanted && { wanted }) },
  });
  return Object.fromEntries(Object.entries(figures).map(([name, { generated }]) => [name, generated]));
}

const colour = (...seed: (string | number)[]) => {
  const random = new Random(0, ...seed);
  return [0, 1, 2].map(() => 1.6 * random.uniform() - 0.8);
};
const numberIn = (text: string) => /\d+/.exec(text)![0];

it("is perfect if captions in both languages give one image, and at chance if one language is not understood", async () => {
  expect(await figuresOf((text) => colour(numberIn(text)))).toMatchObject({
    ...{ consistencyRatio: 0, consistencyRetrieval: 1, languageRatio: 0, languageRetrieval: 1 },
  });
  const english = await figuresOf((text) => colour(text.startsWith("vogel") ? text : numberIn(text)));
  expect(english.languageRatio).toBeGreaterThan(0.8);
  expect(english.languageRetrieval).toBeLessThan(0.2);
  expect(english.consistencyRatio).toBeLessThan(0.8); // A third of its pairs is English.
});

it("pairs every caption with one in another language, at random, the same at every call", () => {
  const trials = chooseTrials(data, "test", 40, 1);
  expect(trials).toEqual(chooseTrials(data, "test", 40, 1));
  const languages = trials.map((trial) => {
    const partner = { ...trial, caption: trial.translation!.partner };
    return [trial, partner].map((one) => captionOf(data, "test", one).language!);
  });
  for (const pair of languages) expect(pair.filter((language) => language === "de")).toHaveLength(1);
  const partners = new Set(languages.map(([, partner]) => partner));
  expect([...partners].sort()).toEqual(["de", "en", "en-GB"]);
  expect(new Set(trials.map(({ translation }) => translation!.seed)).size).toBe(1);
});

it("generates both captions of a pair with one z and one ε; a third image has another ε", async () => {
  const asked = new Map<string, NoiseSeed[]>();
  const figures = await figuresOf((text, noise) => {
    asked.set(text, [...(asked.get(text) ?? []), noise]);
    const shift = colour("shift", noise.seed, noise.epsilonNumber!).map((value) => value / 8);
    return colour(numberIn(text)).map((value, channel) => 0.8 * value + shift[channel]!);
  });
  expect(figures).toMatchObject({ consistencyRatio: 0, languageRatio: 0 });
  expect(figures.sameCaptionRatio).toBeGreaterThan(0.03);
  expect(figures.sameCaptionRatio).toBeLessThan(0.5);
  const [{ pair, ...trial }] = chooseTrials(data, "test", 200, 0) as [ReturnType<typeof chooseTrials>[0]];
  const noiseOf = (caption: number) =>
    asked
      .get(captionOf(data, "test", { ...trial, caption }).text)!
      .filter(({ seed }) => seed === pair!.seed)
      .map(({ number, epsilonNumber }) => [number, epsilonNumber]);
  expect(noiseOf(trial.caption)).toContainEqual([1, 2]);
  expect(noiseOf(trial.caption)).toContainEqual([1, 1]);
  expect(noiseOf(pair!.partner)).toContainEqual([1, 1]);
  expect(noiseOf(pair!.partner)).not.toContainEqual([1, 2]);
});

it("generates only what the wanted figures need", async () => {
  const imagesFor = async (wanted?: readonly FigureName[]) => {
    let images = 0;
    const figures = await figuresOf((text) => {
      images++;
      return colour(numberIn(text));
    }, wanted);
    return { images, names: Object.keys(figures) };
  };
  const [all, training] = [await imagesFor(), await imagesFor(trainingFigures)];
  expect(all.names).toEqual([
    ...["consistencyRatio", "sameCaptionRatio", "consistencyRetrieval"],
    ...["languageRatio", "languageRetrieval"],
  ]);
  // Each of the five times that each of 40 images occurs: the pair; the same caption again; the pair of languages.
  expect(all.images - 200).toBe(200 * (2 + 1 + 2));
  expect(training.images - 200).toBe(200 * 2);
});

it("makes pairs each time that all images occur, in groups of their own", () => {
  const trials = chooseTrials(data, "test", 90, 2);
  for (const of of ["pair", "translation"] as const) {
    const pairs = trials.flatMap((trial) => trial[of] ?? []);
    expect(groupSizes(pairs)).toEqual([40, 40]);
    expect(trials.slice(80).every((trial) => trial[of] === undefined)).toBe(true);
    expect(new Set(pairs.map(({ seed }) => seed)).size).toBe(2);
  }
});

it("compares images of one class with others, of the real images", async () => {
  const { figures } = await measure({
    ...{ data, split: "test", size, device: "cpu", seed: 0, metrics: ["consistency"] },
    generate: (captions) =>
      tensor(captions.map(() => 0))
        .reshape(-1, 1, 1, 1)
        .expand(-1, 3, size, size),
    trials: chooseTrials(data, "test", 40, 0),
    extractors: { inception: extractor },
  });
  const { real, chance } = figures.consistencyRatio!;
  expect(chance).toBe(1);
  expect(real).toBeGreaterThan(0);
  expect(real).toBeLessThan(0.9); // Four images of each of ten species.
});
