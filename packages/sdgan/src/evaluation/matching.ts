/**
 * How well a DAMSM matches images with captions. What it does not distinguish, a generator cannot learn from it: its
 * losses and the discriminators' sentence features come from there.
 */
import { Random, UserError } from "@sdgan/core";
import { cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { startComputing } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { makeBatch } from "../data/batch.js";
import { captionVariants } from "../data/birds/captions.js";
import { paraphraseVariants } from "../data/birds/paraphrases.js";
import { type Attribute, attributes, type Traits } from "../data/birds/species.js";
import type { Split } from "../data/dataset.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { imagesOf } from "../data/tensors.js";
import { partsOf } from "../util/lists.js";
import { cosines } from "./metrics/distances.js";
import { type DamsmFeatures, damsmOfRun } from "./networks/damsm.js";
import { captionOf, chooseTrials, groupsOf, type Trial } from "./trials.js";

export interface MatchingOptions {
  /** A run folder with a trained DAMSM. */
  run: string;
  /** A prepared folder. */
  data: string;
  split: Split;
  /** The largest number of images. */
  images: number;
  seed: number;
  device?: Device | undefined;
  /** Called after each batch of images whose features were computed. */
  onImages?(progress: { done: number; total: number }): void;
}

/** A share of right answers beside the share that guessing has. */
export interface Share {
  share: number;
  chance: number;
  /** Number of questions. */
  count: number;
}

export interface Matching {
  run: string;
  split: Split;
  images: number;
  /**
   * R@1: the own caption, or one of the same words, has the largest cosine for an image among those of its group, and the
   * reverse.
   */
  recall: { imageToText: Share; textToImage: Share };
  /**
   * For the built-in birds, by attribute: of sentences that differ in this attribute alone, the true one has the largest
   * cosine for the image.
   */
  attributes?: Record<string, Share>;
}

/**
 * Measures the DAMSM of a run folder.
 *
 * @throws UserError if the split has fewer than two images, or the run has no DAMSM for this data
 */
export function measureMatching({ run, data: folder, device, ...options }: MatchingOptions): Matching {
  const data = openPrepared(folder);
  try {
    const { split } = options;
    if (data.splits[split].images.length < 2)
      throw new UserError(
        `${folder}: the split ${split} has ${data.splits[split].images.length} images, and at least two are needed to ` +
          "compare: give another --split",
        { code: "data.invalid" },
      );
    const damsm = damsmOfRun(run, { size: data.size, device: startComputing("float32", device).device });
    return { run, ...matchingOf(damsm, { data, ...options }) };
  } finally {
    data.close();
  }
}

/** The figures of one DAMSM. The captions that are compared are chosen by the seed. */
export function matchingOf(damsm: DamsmFeatures, options: MeasuringOptions): Omit<Matching, "run"> {
  const given = encodeImages(damsm, options);
  const { data, split, trials } = given;
  return {
    ...{ split, images: trials.length, recall: recallOf(given) },
    ...(data.source === "birds" && { attributes: attributesOf(given) }),
  };
}

/** R@1 alone. */
export function measureRecall(damsm: DamsmFeatures, options: MeasuringOptions): Matching["recall"] {
  return recallOf(encodeImages(damsm, options));
}

type MeasuringOptions = { data: Prepared } & Omit<MatchingOptions, "run" | "data">;

function encodeImages(
  damsm: DamsmFeatures,
  { data, split, images, seed, onImages }: MeasuringOptions,
): Given {
  const count = Math.min(images, data.splits[split].images.length);
  const trials = chooseTrials(data, split, count, seed);
  return { damsm, data, split, trials, codes: codesOf(damsm, data, split, trials, onImages) };
}

interface Given {
  damsm: DamsmFeatures;
  data: Prepared;
  split: Split;
  /** One for each image. */
  trials: readonly Trial[];
  /** The images' codes: [N, D]. */
  codes: Tensor;
}

function codesOf(
  damsm: DamsmFeatures,
  data: Prepared,
  split: Split,
  trials: readonly Trial[],
  onImages: MatchingOptions["onImages"],
): Tensor {
  let done = 0;
  const parts = partsOf(trials, imagesAtOnce).map((some) => {
    const codes = inferenceMode(() =>
      scope(() => {
        const stored = makeBatch(some, { data, split, maxWords: Number.POSITIVE_INFINITY });
        const images = imagesOf(stored, { device: damsm.device, dtype: "float32" });
        return damsm.extract(images).features.to({ device: "cpu" });
      }),
    );
    done += some.length;
    onImages?.({ done, total: trials.length });
    return codes;
  });
  return cat(parts);
}

const imagesAtOnce = 32;

/** Sentence features [N, D] of captions. */
function sentencesOf(damsm: DamsmFeatures, captions: readonly string[]): Tensor {
  const parts = partsOf(captions, captionsAtOnce).map((some) =>
    inferenceMode(() => scope(() => damsm.read(some).to({ device: "cpu" }))),
  );
  return cat(parts);
}

const captionsAtOnce = 256;

/**
 * Captions of the same words are one answer: an image is right for each of them. Other images of an image's class do not count
 * as wrong answers, as in DAMSM's losses.
 */
function recallOf({ damsm, data, split, trials, codes }: Given): Matching["recall"] {
  const captions = trials.map((trial) => captionOf(data, split, trial));
  const words = captions.map(({ tokens }) => tokens.join());
  const classIds = trials.map(({ image }) => data.splits[split].images.at(image).classId);
  const imageToText = new Counter();
  const textToImage = new Counter();
  scope(() => {
    const sentences = sentencesOf(
      damsm,
      captions.map(({ text }) => text),
    );
    let from = 0;
    for (const group of groupsOf(trials)) {
      const N = group.length;
      const scores = cosines(codes.narrow(0, from, N), sentences.narrow(0, from, N)).toNumbers();
      const all = [...group.keys()];
      for (let i = 0; i < N; i++) {
        const right = all.filter((j) => words[from + j] === words[from + i]);
        const wrong = all.filter(
          (j) => words[from + j] !== words[from + i] && classIds[from + j] !== classIds[from + i],
        );
        const chance = right.length / (right.length + wrong.length);
        const isFirst = (scoreOf: (j: number) => number) => {
          const best = Math.max(...right.map(scoreOf));
          return wrong.every((j) => scoreOf(j) < best);
        };
        imageToText.add(
          isFirst((j) => scores[i * N + j]!),
          chance,
        );
        textToImage.add(
          isFirst((j) => scores[j * N + i]!),
          chance,
        );
      }
      from += N;
    }
  });
  return { imageToText: imageToText.share, textToImage: textToImage.share };
}

/** Sentences of the built-in birds that differ in one attribute, which each image's caption names if any does. */
function attributesOf({ damsm, data, split, trials, codes }: Given): Record<string, Share> {
  const shares: Record<string, Share> = {};
  for (const attribute of Object.keys(attributes) as Attribute[]) {
    const values: readonly string[] = attributes[attribute];
    const counter = new Counter();
    const variants = trials.flatMap((trial, i) => {
      const { captions, attributes: known } = data.splits[split].images.at(trial.image);
      const { names } = captions.find((caption) => caption.names?.includes(attribute)) ?? {};
      const traits = traitsOf(known!);
      const random = () => new Random(trial.seed, "captionVariants", i);
      if (data.variant?.captions === "paraphrases")
        return paraphraseVariants(attribute, {
          names: (names ?? captions[0]!.names) as Attribute[],
          ...{ traits, split, random: random() },
        });
      return captionVariants(attribute, {
        names: (names as Attribute[] | undefined) ?? [attribute],
        ...{ traits, random },
      });
    });
    scope(() => {
      const sentences = sentencesOf(damsm, variants);
      for (const [i, { image }] of trials.entries()) {
        const own = sentences.narrow(0, i * values.length, values.length);
        const scores = cosines(codes.narrow(0, i, 1), own).toNumbers();
        const truth = data.splits[split].images.at(image).attributes![attribute]!;
        counter.add(
          scores.every((score, value) => value === truth || score < scores[truth]!),
          1 / values.length,
        );
      }
    });
    shares[attribute] = counter.share;
  }
  return shares;
}

function traitsOf(known: Record<string, number>): Traits {
  const entries = Object.entries(attributes).map(([name, values]) => [name, values[known[name]!]]);
  return Object.fromEntries(entries) as Traits;
}

/** Counts right answers, and how many guessing would give. */
class Counter {
  #right = 0;
  #guessed = 0;
  #count = 0;

  /** @param chance that a guess is right */
  add(isRight: boolean, chance: number): void {
    this.#right += isRight ? 1 : 0;
    this.#guessed += chance;
    this.#count += 1;
  }

  get share(): Share {
    return { share: this.#right / this.#count, chance: this.#guessed / this.#count, count: this.#count };
  }
}
