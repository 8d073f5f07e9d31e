/**
 * Sections about one model: attention, modulation, nearest real images, and errors by the attribute
 * classifier.
 */

import type { TrainedAttributeClassifier } from "../artifacts/attribute-classifier.js";
import type { Prepared } from "../data/prepared.js";
import { captionOf, chooseTrials, type Trial } from "../evaluation/trials.js";
import type { ImageGenerator } from "../generation/image-generator.js";
import type { InspectedImage } from "../generation/inspect.js";
import { mean } from "../util/lists.js";
import { dataUrl, heatOf, largest, litBy } from "./image-data.js";
import { disagreements, nearestReal, realImage } from "./inspection.js";
import { gridOf, type ImageRow, type Section, type Shown, stripOf } from "./page.js";

/** A caption of the test split. */
export type Unseen = Trial & { text: string };

/** The captions that an evaluation with this seed uses. */
export function unseenCaptions(data: Prepared, count: number, seed: number): Unseen[] {
  return chooseTrials(data, "test", count, seed).map((trial) => ({
    ...trial,
    ...captionOf(data, "test", trial),
  }));
}

/** Word attention of the last stage over the image, one strip per caption. */
export async function attentionSection(inspected: readonly InspectedImage[]): Promise<Section> {
  const strips = await Promise.all(
    inspected.map(async ({ stages, attention, words }) => {
      const image = stages.at(-1)!;
      const maps = attention.at(-1) ?? [];
      const lit = maps.map(
        async (map, word): Promise<Shown> => ({
          image: await dataUrl(litBy(image, map)),
          caption: `${words[word]} ${(100 * largest(map.values)).toFixed(0)}\u00a0%`,
        }),
      );
      return stripOf([{ image: await dataUrl(image), caption: "generated" }, ...(await Promise.all(lit))]);
    }),
  );
  return {
    title: "Attention to each word",
    about:
      "Word attention of the last stage: places with more attention to the word are brighter. The number is the largest " +
      "attention of any place to the word; at each place, attention sums to 100 % over the words.",
    body: strips.join(""),
  };
}

/** Strength of SCBN at each place, for the same captions; undefined for a generator without SCBN. */
export async function modulationSection(inspected: readonly InspectedImage[]): Promise<Section | undefined> {
  const layers = inspected[0]?.modulation.length ?? 0;
  if (layers === 0) return undefined;
  const most = Array.from({ length: layers }, (_, layer) =>
    inspected.reduce((most, { modulation }) => Math.max(most, largest(modulation[layer]!.values)), 0),
  );
  const rows = inspected.map(async ({ caption, stages, modulation }): Promise<ImageRow> => {
    const maps = modulation.map(async (map, layer): Promise<Shown> => {
      return {
        image: await dataUrl(heatOf(map, most[layer]!)),
        caption: `${map.size === 1 ? "everywhere" : "mean"} ${mean(map.values).toPrecision(2)}`,
      };
    });
    const generated = { image: await dataUrl(stages.at(-1)!) };
    return { title: caption, images: [generated, ...(await Promise.all(maps))] };
  });
  return {
    title: "What SCBN adds to the scale",
    about:
      "|γ_c|, averaged over channels, at each place of every SCBN layer in the order of computation. Black is 0, the " +
      "brightest is the largest value of that layer over these captions. Sentence-level SCBN has one value for all places.",
    body: gridOf(
      ["generated", ...most.map((value, i) => `${i + 1}: up to ${value.toPrecision(2)}`)],
      await Promise.all(rows),
    ),
  };
}

/**
 * Generated images, and the images of the training split with the nearest features of the attribute
 * classifier.
 */
export async function nearestSection(
  imageGenerator: ImageGenerator,
  data: Prepared,
  attributeClassifier: TrainedAttributeClassifier,
  captions: readonly string[],
  { seed, size }: { seed: number; size: number },
): Promise<Section> {
  const generated = captions.map(
    (caption) => [...imageGenerator.generate([caption], { seed })][0]!.stages.at(-1)!,
  );
  const nearest = nearestReal(attributeClassifier, data, generated, { count: 5, size });
  const rows = captions.map(async (title, i): Promise<ImageRow> => {
    const real = nearest[i]!.map(async ({ image, distance }) => ({
      image: await dataUrl(realImage(data, "train", image)),
      caption: `distance ${distance.toPrecision(3)}`,
    }));
    return { title, images: [{ image: await dataUrl(generated[i]!) }, ...(await Promise.all(real))] };
  });
  return {
    title: "The nearest real images",
    about:
      "The training images with the nearest features of the attribute classifier. A model that copies training images " +
      "would show equal ones.",
    body: gridOf(["generated", "nearest", "second", "third", "fourth", "fifth"], await Promise.all(rows)),
  };
}

/** Captions whose generated images the attribute classifier predicts other attributes for, worst first. */
export async function disagreementSection(
  imageGenerator: ImageGenerator,
  data: Prepared,
  attributeClassifier: TrainedAttributeClassifier,
  choices: readonly Unseen[],
  seed: number,
): Promise<Section> {
  const generated = choices.map(
    ({ text }) => [...imageGenerator.generate([text], { seed })][0]!.stages.at(-1)!,
  );
  const worst = disagreements(attributeClassifier, data, generated, choices).slice(0, 8);
  const rows = worst.map(async ({ index, differences }): Promise<ImageRow> => {
    const { image, text } = choices[index]!;
    const notes = differences.map(
      ({ attribute, expected, predicted }) => `${attribute}: ${expected}, predicted ${predicted}`,
    );
    return {
      title: text,
      images: [
        { image: await dataUrl(generated[index]!) },
        { image: await dataUrl(realImage(data, "test", image)) },
      ],
      note: notes.join("; "),
    };
  });
  return {
    title: "Largest errors by the attribute classifier",
    about: `Of ${choices.length} captions of the test split, those whose named attributes are least likely in the generated image.`,
    body: gridOf(["generated", "real"], await Promise.all(rows)),
  };
}
