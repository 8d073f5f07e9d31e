/** Choice of the captions that an evaluation generates images from. */
import { Random } from "@sdgan/core";
import type { Split } from "../data/dataset.js";
import type { PreparedCaption } from "../data/format.js";
import { inOtherLanguages } from "../data/languages.js";
import type { Prepared, PreparedSplit } from "../data/prepared.js";
import { groupBy } from "../util/lists.js";

/** An image of a split, captions of it to generate images from, and the seeds of their noise. */
export interface Trial {
  /** Index in the split. */
  image: number;
  /** Index of the caption among the image's captions. */
  caption: number;
  /** Seed of the noise. */
  seed: number;
  /** Absent if the image has no other caption, and after the last time that all images occur. */
  pair?: {
    /** Index of another caption of the same image. */
    partner: number;
    /** Seed of the noise of both captions' images, the same for all pairs of a group, which are consecutive. */
    seed: number;
  };
  /** The same with a caption in another language; absent if the image has none. */
  translation?: Trial["pair"];
}

/** Least number of pairs that share one noise, if there are as many. */
export const groupSize = 100;

/**
 * `count` trials in an order that the seed determines. Every image occurs once, with classes in turn; then
 * all images occur again, each time with the next caption and other noise.
 */
export function chooseTrials(data: Prepared, split: Split, count: number, seed: number): Trial[] {
  const { images } = data.splits[split];
  const random = new Random(seed, "evaluation");
  const places = byTurns(images, random).slice(0, count);
  const captions = places.map((place) => random.below(images.at(place).captions.length));
  const trials = Array.from({ length: places.length === 0 ? 0 : count }, (_, i): Trial => {
    const image = places[i % places.length]!;
    const { length } = images.at(image).captions;
    const caption = (captions[i % places.length]! + Math.floor(i / places.length)) % length;
    return { image, caption, seed: random.uint32() };
  });
  const languages = new Random(seed, "languages");
  // In a part of all images there may be fewer pairs than a group needs.
  for (let from = 0; from + places.length <= trials.length && places.length > 0; from += places.length) {
    const once = trials.slice(from, from + places.length);
    addPairs(once, images);
    addTranslations(once, images, languages);
  }
  return trials;
}

/** Chooses the next caption of each image that has another one. */
function addPairs(trials: readonly Trial[], images: PreparedSplit["images"]): void {
  for (const group of groupsOf(trials.filter(({ image }) => images.at(image).captions.length > 1)))
    for (const trial of group) {
      const { length } = images.at(trial.image).captions;
      trial.pair = { partner: (trial.caption + 1) % length, seed: group[0]!.seed };
    }
}

/** Chooses a caption in another language at random, for trials whose image has one. */
function addTranslations(trials: readonly Trial[], images: PreparedSplit["images"], random: Random): void {
  const foreign = trials.flatMap((trial) => {
    const others = inOtherLanguages(images.at(trial.image).captions, trial.caption);
    return others.length > 0 ? [{ trial, partner: random.pick(others) }] : [];
  });
  for (const group of groupsOf(foreign))
    for (const { trial, partner } of group) trial.translation = { partner, seed: group[0]!.trial.seed };
}

/**
 * Splits pairs into groups of nearly equal size, each of at least `groupSize`; one group if there are fewer
 * pairs.
 */
export function groupsOf<T>(pairs: readonly T[]): T[][] {
  const groups = Math.max(1, Math.floor(pairs.length / groupSize));
  const start = (group: number) => Math.round((group * pairs.length) / groups);
  return Array.from({ length: groups }, (_, group) => pairs.slice(start(group), start(group + 1)));
}

/** Sizes of consecutive groups of pairs, which have one noise each. */
export function groupSizes(pairs: readonly NonNullable<Trial["pair"]>[]): number[] {
  const starts = [...pairs.keys()].filter((i) => i === 0 || pairs[i]!.seed !== pairs[i - 1]!.seed);
  return starts.map((start, i) => (starts[i + 1] ?? pairs.length) - start);
}

/** Indices of all images, shuffled, one of every class in turn. */
function byTurns(images: PreparedSplit["images"], random: Random): number[] {
  const places = random.shuffled([...new Array(images.length).keys()]);
  const byClass = groupBy(places, (place) => images.at(place).classId);
  const classes = random.shuffled([...byClass.values()]);
  const longest = classes.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: longest }, (_, i) => classes.flatMap((own) => own[i] ?? [])).flat();
}

export function captionOf(
  { splits }: Prepared,
  split: Split,
  { image, caption }: Pick<Trial, "image" | "caption">,
): PreparedCaption {
  return splits[split].images.at(image).captions[caption]!;
}
