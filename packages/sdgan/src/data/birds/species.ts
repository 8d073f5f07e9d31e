import { type Random, UserError } from "@sdgan/core";
import type { Split } from "../dataset.js";

/** Ten common colour names whose colours stay distinct in a small image in any light. */
const colours = [
  "red",
  "orange",
  "yellow",
  "green",
  "blue",
  "pink",
  "brown",
  "black",
  "white",
  "gray",
] as const;

/** Everything that captions may name, each with its possible values. */
export const attributes = {
  body: colours,
  wings: colours,
  head: colours,
  belly: colours,
  pattern: ["plain", "barred", "spotted"],
  beak: ["short", "long"],
  tail: ["short", "long"],
  size: ["small", "large"],
} as const;

export type BirdAttributes = typeof attributes;
export type Attribute = keyof BirdAttributes;
export type Colour = (typeof colours)[number];

/** One value for each attribute. */
export type Traits = { [A in Attribute]: BirdAttributes[A][number] };

export interface Species {
  name: string;
  split: Split;
  traits: Traits;
}

/** Traits for the numbers of training and test species: for all training species first, no two of them the same. */
export type MakeTraits = (counts: { train: number; test: number }, random: Random) => Traits[];

/**
 * Makes `count` species: the first three quarters for training and the rest for testing. No two species, of any split,
 * have all values in common.
 */
export function makeSpecies(
  count: number,
  random: Random,
  makeTraits: MakeTraits = independentTraits,
): Species[] {
  const limit = givenNames.length * familyNames.length;
  if (!Number.isInteger(count) || count < 4 || count > limit) {
    throw new UserError(`birds: species is ${count}, but must be a whole number from 4 to ${limit}`, {
      code: "usage",
    });
  }
  const names = makeNames(count, random);
  const trainCount = Math.floor((count * 3) / 4);
  const traits = makeTraits({ train: trainCount, test: count - trainCount }, random);
  return names.map((name, i) => ({ name, split: i < trainCount ? "train" : "test", traits: traits[i]! }));
}

/** Within each split the values of every attribute are evenly distributed. */
export const independentTraits: MakeTraits = ({ train, test }, random) => {
  const taken = new Set<string>();
  return [...distributeTraits(train, taken, random), ...distributeTraits(test, taken, random)];
};

/** Traits for `count` species, none of which are in `taken`; adds them to `taken`. */
function distributeTraits(count: number, taken: Set<string>, random: Random): Traits[] {
  for (;;) {
    const columns = Object.entries(attributes).map(
      ([name, values]) => [name, distribute(values, count, random)] as const,
    );
    const species = Array.from({ length: count }, (_, i) => {
      return Object.fromEntries(columns.map(([name, column]) => [name, column[i]])) as Traits;
    });
    const keys = new Set(species.map((traits) => Object.values(traits).join()));
    if (keys.size === count && [...keys].every((key) => !taken.has(key))) {
      for (const key of keys) taken.add(key);
      return species;
    }
  }
}

/** `count` of `values` in random order. The frequencies of the values differ by at most one. */
export function distribute<T>(values: readonly T[], count: number, random: Random): T[] {
  const order = random.shuffled(values);
  return random.shuffled(Array.from({ length: count }, (_, i) => order[i % order.length] as T));
}

function makeNames(count: number, random: Random): string[] {
  const names = givenNames.flatMap((given) => familyNames.map((family) => `${given} ${family}`));
  return random.shuffled(names).slice(0, count);
}

// No name contains a colour, a pattern or a size, which could contradict the image.
const givenNames = (
  "Alder Aspen Autumn Bramble Briar Brook Cedar Clover Coastal Dune Evening Fern Harbor Heath Island Juniper " +
  "Lagoon Lowland Marsh Meadow Morning Orchard Prairie River Thicket Valley"
).split(" ");
const familyNames = (
  "Bellowick Chirrel Dapplin Fennet Fluterin Hoplet Larkin Lilter Murrin Pellow Pippin Plumet Quillet Rillen " +
  "Sedgling Tarlin Thrushel Tweedle Trillet Vireling Wendle Whimmer Whistlet Wrenling"
).split(" ");
