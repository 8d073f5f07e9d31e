/** Which captions an evaluation draws pictures of. */
import type { Split } from "../data/dataset.js";
import type { Prepared, PreparedCaption } from "../data/prepared.js";
import { Random } from "../random.js";

/** A picture of the data, captions of it to draw, and the noise to draw them with. */
export interface Trial {
  /** Its place in the split. */
  picture: number;
  /** The caption that is drawn, by its place among the picture's. */
  caption: number;
  /** Of the noise. */
  seed: number;
  /** Absent where the picture has no other caption, or has had its turn before. */
  pair?: {
    /** Another caption of the same picture. */
    partner: number;
    /** Of the noise that the pictures of both captions are drawn with, and those of all pairs of its group. */
    seed: number;
  };
}

/** Of whose test split: unseen pictures. */
export const split = "test" satisfies Split;

/** Pairs that are drawn with one noise: at least as many, as long as there are. */
export const groupSize = 100;

/**
 * `count` trials in an order that the seed decides: each picture once, of different classes as long as there are, and
 * then all of them again, each time with the next caption and other noise.
 */
export function chooseTrials(data: Prepared, count: number, seed: number): Trial[] {
  const { pictures } = data.splits[split];
  const random = new Random(seed, "evaluation");
  const places = inTurn(data, random).slice(0, count);
  const captions = places.map((place) => random.below(pictures.at(place).captions.length));
  const trials = Array.from({ length: places.length === 0 ? 0 : count }, (_, i): Trial => {
    const picture = places[i % places.length]!;
    const { length } = pictures.at(picture).captions;
    const caption = (captions[i % places.length]! + Math.floor(i / places.length)) % length;
    return { picture, caption, seed: random.uint32() };
  });
  for (const group of groupsOf(
    trials.slice(0, places.length).filter(({ picture }) => pictures.at(picture).captions.length > 1),
  )) {
    for (const trial of group) {
      const { length } = pictures.at(trial.picture).captions;
      trial.pair = { partner: (trial.caption + 1) % length, seed: group[0]!.seed };
    }
  }
  return trials;
}

/** What is paired, in groups of at least `groupSize`, all about as large; in one where there are fewer. */
export function groupsOf<T>(pairs: readonly T[]): T[][] {
  const groups = Math.max(1, Math.floor(pairs.length / groupSize));
  const start = (group: number) => Math.round((group * pairs.length) / groups);
  return Array.from({ length: groups }, (_, group) => pairs.slice(start(group), start(group + 1)));
}

/** All pictures: one of every class in turn. */
function inTurn({ splits }: Prepared, random: Random): number[] {
  const { pictures } = splits[split];
  const byClass = new Map<number, number[]>();
  for (const place of random.shuffled([...new Array(pictures.length).keys()])) {
    const { classId } = pictures.at(place);
    const own = byClass.get(classId);
    if (own) own.push(place);
    else byClass.set(classId, [place]);
  }
  const classes = random.shuffled([...byClass.values()]);
  const longest = classes.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: longest }, (_, i) => classes.flatMap((own) => own[i] ?? [])).flat();
}

export function captionOf(
  { splits }: Prepared,
  { picture, caption }: Pick<Trial, "picture" | "caption">,
): PreparedCaption {
  return splits[split].pictures.at(picture).captions[caption]!;
}
