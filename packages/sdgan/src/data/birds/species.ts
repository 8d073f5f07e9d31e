import { type Random, UserError } from "@sdgan/core";
import type { Split } from "../dataset.js";
import { mostSpecies, speciesNames } from "./species-names.js";

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
  if (!Number.isInteger(count) || count < 4 || count > mostSpecies) {
    throw new UserError(`birds: species is ${count}, but must be a whole number from 4 to ${mostSpecies}`, {
      code: "usage",
    });
  }
  const names = speciesNames(count, random);
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
    if (taken.size + count > mostRedrawn) exchangeValues(species, taken, random);
    const keys = new Set(species.map(keyOf));
    if (keys.size === count && [...keys].every((key) => !taken.has(key))) {
      for (const key of keys) taken.add(key);
      return species;
    }
  }
}

/** Up to this many species are drawn again until all differ. With more, that is rare: a pair of 5,000 nearly always agrees. */
const mostRedrawn = 624;

/**
 * Makes species differ from each other and from those in `taken`: one that does not exchanges the value of an attribute with
 * another species, so that the values stay evenly distributed. Changes `species`.
 */
function exchangeValues(species: readonly Traits[], taken: ReadonlySet<string>, random: Random): void {
  const counts = new Map(Array.from(taken, (key) => [key, 1]));
  const countOf = (traits: Traits) => counts.get(keyOf(traits)) ?? 0;
  const add = (traits: Traits, change: number) => counts.set(keyOf(traits), countOf(traits) + change);
  for (const traits of species) add(traits, 1);
  const names = Object.keys(attributes) as Attribute[];
  for (const own of species) {
    while (countOf(own) > 1) {
      const [other, name] = [random.pick(species), random.pick(names)];
      const exchange = () => {
        for (const traits of [own, other]) add(traits, -1);
        const [mine, theirs] = [{ [name]: own[name] }, { [name]: other[name] }];
        Object.assign(own, theirs);
        Object.assign(other, mine);
        for (const traits of [own, other]) add(traits, 1);
      };
      exchange();
      if (countOf(other) > 1) exchange(); // An earlier species must stay different.
    }
  }
}

const keyOf = (traits: Traits): string => Object.values(traits).join();

/** `count` of `values` in random order. The frequencies of the values differ by at most one. */
export function distribute<T>(values: readonly T[], count: number, random: Random): T[] {
  const order = random.shuffled(values);
  return random.shuffled(Array.from({ length: count }, (_, i) => order[i % order.length] as T));
}
