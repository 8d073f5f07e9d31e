/** For tests of the evaluation: generators and feature networks whose figures are known. */
import { cat, tensor } from "@sdgan/torch";
import { makeBatch } from "../data/batch.js";
import type { Prepared } from "../data/prepared.js";
import { imagesOf } from "../data/tensors.js";
import type { Generate } from "../evaluation/extract-features.js";
import type { AttributeExtractor } from "../evaluation/networks/attribute-classifier.js";
import type { DamsmExtractor } from "../evaluation/networks/damsm.js";
import { captionOf, type Trial } from "../evaluation/trials.js";

/**
 * Index of the trial whose real image is returned instead of a generated one, by the index of the requested
 * trial, its caption (its own or the partner's) and its noise (the first or the second).
 */
export type PickTrial = (place: number, requested: { partner: boolean; number: number }) => number;

/** A generator that returns real images of the test split, chosen by `pick`. */
export function realImages(data: Prepared, trials: readonly Trial[], pick: PickTrial): Generate {
  const findTrial = trialFinder(data, trials);
  return (captions, noise) => {
    const choices = noise.map(({ seed, number }, i) => {
      const { place, partner } = findTrial(captions[i]!.text, seed);
      return { image: trials[pick(place, { partner, number })]!.image, caption: 0 };
    });
    const real = makeBatch(choices, { data, split: "test", maxWords: 18 });
    return imagesOf(real, { device: "cpu", dtype: "float32" });
  };
}

/**
 * Replaces DAMSM by the attribute classifier. An image's features are the predicted attribute values, a
 * caption's features the attribute values that it names.
 */
export function damsmByAttributes(attributeClassifier: AttributeExtractor, data: Prepared): DamsmExtractor {
  const { attributes } = attributeClassifier;
  const named = new Map<string, number[]>();
  for (const { captions, attributes: truth } of data.splits.test.images)
    for (const { text, names } of captions)
      named.set(
        text,
        Object.entries(attributes).flatMap(([name, values]) =>
          values.map((_, value) => (names!.includes(name) && truth![name] === value ? 1 : 0)),
        ),
      );
  return {
    ...attributeClassifier,
    device: "cpu",
    extract: (images) => ({ features: cat(attributeClassifier.extract(images).classes, 1), classes: [] }),
    read: (captions) => tensor(captions.map((text) => named.get(text)!)),
  };
}

/** Finds the trial with a caption and a noise seed, and whether the caption is its own or the partner's. */
function trialFinder(data: Prepared, trials: readonly Trial[]): (text: string, seed: number) => Found {
  const found = new Map<string, Found>();
  const add = (seed: number, text: string, trial: Found) => {
    const key = `${seed} ${text}`;
    if (!found.has(key)) found.set(key, trial);
  };
  // Read once: every reading of a caption parses a line of the prepared folder.
  for (const [place, { image, caption, seed, pair }] of trials.entries()) {
    const textOf = (one: number) => captionOf(data, "test", { image, caption: one }).text;
    for (const one of [seed, pair!.seed]) add(one, textOf(caption), { place, partner: false });
    add(pair!.seed, textOf(pair!.partner), { place, partner: true });
  }
  return (text, seed) => {
    const trial = found.get(`${seed} ${text}`);
    if (!trial) throw new Error(`no trial has the caption ${JSON.stringify(text)} and seed ${seed}`);
    return trial;
  };
}

interface Found {
  place: number;
  partner: boolean;
}
