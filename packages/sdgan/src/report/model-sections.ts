/** Sections that look into one model: what it drew, where it looked, and what an attribute classifier makes of that. */

import type { TrainedAttributeClassifier } from "../artifacts/attribute-classifier.js";
import type { Prepared } from "../data/prepared.js";
import { captionOf, chooseTrials, type Trial } from "../evaluation/trials.js";
import type { ImageGenerator } from "../generation/image-generator.js";
import type { InspectedImage } from "../generation/inspect.js";
import { mean } from "../util/lists.js";
import { dataUrl, heatOf, largest, litBy } from "./image-data.js";
import { disagreements, nearestReal, realImage } from "./inspection.js";
import { gridOf, type ImageRow, type Section, type Shown, stripOf } from "./page.js";

/** A caption of an image that was never trained on. */
export type Unseen = Trial & { text: string };

/** Those that an evaluation of this seed draws. */
export function unseenCaptions(data: Prepared, count: number, seed: number): Unseen[] {
  return chooseTrials(data, "test", count, seed).map((trial) => ({
    ...trial,
    ...captionOf(data, "test", trial),
  }));
}

/** Word attention of the last stage over the image, a strip for each caption. */
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
    title: "Where it looks for each word",
    about:
      "Word attention of the last stage: the more a place attends to the word, the brighter it is. The place that does " +
      "most is the brightest; the number is its share for the word, of all words.",
    body: strips.join(""),
  };
}

/** Strength of SCBN at each place, for the same captions; nothing for a generator without it. */
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
    const drawn = { image: await dataUrl(stages.at(-1)!) };
    return { title: caption, images: [drawn, ...(await Promise.all(maps))] };
  });
  return {
    title: "What SCBN adds to the scale",
    about:
      "|γ_c|, a mean over channels, at each place of every conditioned normalization in the order of drawing; black is " +
      "0, and the brightest is the most that these captions reach in that layer. A sentence says one thing for all places.",
    body: gridOf(
      ["generated", ...most.map((value, i) => `${i + 1}: up to ${value.toPrecision(2)}`)],
      await Promise.all(rows),
    ),
  };
}

/** Images generated, and the real ones of the training split that are most like them to the attribute classifier. */
export async function nearestSection(
  imageGenerator: ImageGenerator,
  data: Prepared,
  attributeClassifier: TrainedAttributeClassifier,
  captions: readonly string[],
  { seed, size }: { seed: number; size: number },
): Promise<Section> {
  const drawn = captions.map(
    (caption) => [...imageGenerator.generate([caption], { seed })][0]!.stages.at(-1)!,
  );
  const nearest = nearestReal(attributeClassifier, data, drawn, { count: 5, size });
  const rows = captions.map(async (title, i): Promise<ImageRow> => {
    const real = nearest[i]!.map(async ({ image, distance }) => ({
      image: await dataUrl(realImage(data, "train", image)),
      caption: `distance ${distance.toPrecision(3)}`,
    }));
    return { title, images: [{ image: await dataUrl(drawn[i]!) }, ...(await Promise.all(real))] };
  });
  return {
    title: "The nearest real images",
    about:
      "Of all images that it was trained on, those whose features the attribute classifier finds nearest: a model that copies " +
      "would have one that is the same.",
    body: gridOf(["generated", "nearest", "second", "third", "fourth", "fifth"], await Promise.all(rows)),
  };
}

/** Captions whose images the attribute classifier reads otherwise, the worst of many. */
export async function disagreementSection(
  imageGenerator: ImageGenerator,
  data: Prepared,
  attributeClassifier: TrainedAttributeClassifier,
  choices: readonly Unseen[],
  seed: number,
): Promise<Section> {
  const drawn = choices.map(({ text }) => [...imageGenerator.generate([text], { seed })][0]!.stages.at(-1)!);
  const worst = disagreements(attributeClassifier, data, drawn, choices).slice(0, 8);
  const rows = worst.map(async ({ index, differences }): Promise<ImageRow> => {
    const { image, text } = choices[index]!;
    const said = differences.map(({ attribute, asked, seen }) => `${attribute}: ${asked}, it sees ${seen}`);
    return {
      title: text,
      images: [
        { image: await dataUrl(drawn[index]!) },
        { image: await dataUrl(realImage(data, "test", image)) },
      ],
      note: said.join("; "),
    };
  });
  return {
    title: "Where the attribute classifier disagrees most",
    about: `Of ${choices.length} captions of unseen images, those whose named attributes it finds least likely in what was generated.`,
    body: gridOf(["generated", "real"], await Promise.all(rows)),
  };
}
