import type { Random } from "@sdgan/core";
import type { Caption } from "../dataset.js";
import { isPlural, list as listOf, withArticle } from "./grammar.js";
import { type Attribute, attributes, type Colour, type Traits } from "./species.js";

/** Longest caption, in words. */
export const maxWords = 18;

/** `count` different captions, each naming two to five of `traits` in varied wording. */
export function writeCaptions(traits: Traits, count: number, random: Random): Caption[] {
  const captions = new Map<string, Caption>();
  while (captions.size < count) {
    const names = chooseNames(random);
    const text = phrase(names, traits, random);
    captions.set(text, { text, names });
  }
  return [...captions.values()];
}

/**
 * Sentences that name `names`, one for each value of `attribute`, in the order of its values; all else is `traits`. The
 * wording is the same as far as the values' words allow. `random` starts the same stream at every call.
 */
export function captionVariants(
  attribute: Attribute,
  { names, traits, random }: { names: Attribute[]; traits: Traits; random: () => Random },
): string[] {
  return attributes[attribute].map((value) => phrase(names, { ...traits, [attribute]: value }, random()));
}

/** Samples two to five attributes. The four colours are equally likely; the others are less likely. */
export function chooseNames(random: Random): Attribute[] {
  const count = random.pick([2, 3, 3, 4, 4, 5]);
  const names = new Set<Attribute>();
  while (names.size < count) names.add(random.pick(weightedNames));
  return attributeNames.filter((name) => names.has(name));
}

const attributeNames = Object.keys(attributes) as Attribute[];
const colourNames: Attribute[] = ["body", "wings", "head", "belly"];
const weightedNames = [...colourNames, ...attributeNames];

/** A sentence that names exactly `names`, sampled again until it has at most `maxWords` words. */
function phrase(names: Attribute[], traits: Traits, random: Random): string {
  for (;;) {
    const size = names.includes("size") ? random.pick(sizeWords[traits.size]) : "";
    const features = merge(random.shuffled(makeFeatures(names, traits, random)), random);
    const sentence = random.pick(sentences)({ size, features, random });
    if (sentence.split(" ").length <= maxWords) return sentence;
  }
}

/** One part's description: "red" for the head; "blue" and "barred", or "bars" as marks, for the wings. */
interface Feature {
  part: string;
  adjectives: string[];
  marks?: string;
}

function makeFeatures(names: Attribute[], traits: Traits, random: Random): Feature[] {
  const features: Feature[] = [];
  for (const part of ["body", "head", "belly"] as const) {
    if (names.includes(part)) {
      features.push({ part: random.pick(parts[part]), adjectives: [random.pick(colourWords[traits[part]])] });
    }
  }
  for (const part of ["beak", "tail"] as const) {
    if (names.includes(part)) {
      features.push({ part: random.pick(parts[part]), adjectives: [random.pick(lengthWords[traits[part]])] });
    }
  }
  if (names.includes("wings") || names.includes("pattern")) {
    features.push(makeWings(names, traits, random));
  }
  return features;
}

function makeWings(names: Attribute[], traits: Traits, random: Random): Feature {
  const part = random.pick(parts.wings);
  const adjectives = names.includes("wings") ? [random.pick(colourWords[traits.wings])] : [];
  if (!names.includes("pattern")) return { part, adjectives };
  if (random.chance(0.35)) return { part, adjectives, marks: random.pick(markWords[traits.pattern]) };
  return { part, adjectives: [random.pick(patternWords[traits.pattern]), ...adjectives] };
}

/**
 * Usually merges neighbouring features with equal adjectives: "a red head and belly", "a long bill and tail".
 */
function merge(features: Feature[], random: Random): Feature[] {
  const merged: Feature[] = [];
  for (const feature of features) {
    const last = merged.at(-1);
    if (
      last &&
      !last.marks &&
      !feature.marks &&
      `${last.adjectives}` === `${feature.adjectives}` &&
      random.chance(0.8)
    ) {
      merged[merged.length - 1] = { part: `${last.part} and ${feature.part}`, adjectives: last.adjectives };
    } else {
      merged.push(feature);
    }
  }
  return merged;
}

interface Content {
  /** The word for the bird's size; empty if it is not named. */
  size: string;
  features: Feature[];
  random: Random;
}

/** Sentence patterns, all equally likely; repeated ones are more frequent. */
const sentences: ((content: Content) => string)[] = [
  (content) => `${withArticle(bird(content))} with ${phrases(content)}`,
  (content) => `${withArticle(bird(content))} with ${phrases(content)}`,
  (content) => `${withArticle(bird(content))} that has ${phrases(content)}`,
  (content) => `this is ${withArticle(bird(content))} with ${phrases(content)}`,
  (content) => `this is ${withArticle(bird(content))} that has ${phrases(content)}`,
  (content) => `this ${bird(content)} has ${phrases(content)}`,
  (content) => `this ${bird(content)} has ${phrases(content)}`,
  (content) => `the ${bird(content)} has ${phrases(content)}`,
  (content) => `${bird(content)} with ${barePhrases(content)}`,
  (content) => `${barePhrases(content)} on ${withArticle(bird(content))}`,
  (content) => `${withArticle(bird(content))} whose ${clauses("", content)}`,
  (content) => {
    const opening = content.size ? `${content.random.pick(["the", "this"])} bird is ${content.size}, ` : "";
    return opening + clauses(content.random.pick(["its ", "the "]), content);
  },
  (content) => {
    if (!content.size) return `the bird has ${phrases(content)}`;
    return `this bird is ${content.size} ${content.random.pick(["and has", "with"])} ${phrases(content)}`;
  },
  (content) => {
    const [last, ...others] = content.features;
    if (others.length === 0) return `a ${bird(content)} with ${phrases(content)}`;
    return `this ${bird(content)} has ${phrases({ ...content, features: others })} and its ${clause(last!)}`;
  },
];

function bird({ size }: Content): string {
  return size ? `${size} bird` : "bird";
}

/** "a red head, barred wings and a long tail" */
function phrases({ features, random }: Content): string {
  return list(
    features.map(({ part, adjectives, marks }) => {
      if (adjectives.length === 0) return `${marks} on its ${part}`;
      const described = `${adjectives.join(" ")} ${part}`;
      return (isPlural(part) ? described : withArticle(described)) + (marks ? ` with ${marks}` : "");
    }),
    random,
  );
}

/** "red head, barred wings and long tail" */
function barePhrases({ features, random }: Content): string {
  return list(
    features.map(({ part, adjectives, marks }) => {
      if (adjectives.length === 0) return `${marks} on ${part}`;
      return `${adjectives.join(" ")} ${part}${marks ? ` with ${marks}` : ""}`;
    }),
    random,
  );
}

/** "its head is red, its wings are blue and barred and its tail is long", with `owner` "its " */
function clauses(owner: string, { features, random }: Content): string {
  return list(
    features.map((feature) => owner + clause(feature)),
    random,
  );
}

function clause({ part, adjectives, marks }: Feature): string {
  const plural = part.includes(" and ") || isPlural(part);
  if (adjectives.length === 0) return `${part} ${plural ? "have" : "has"} ${marks}`;
  return `${part} ${plural ? "are" : "is"} ${adjectives.join(" and ")}${marks ? ` with ${marks}` : ""}`;
}

function list(items: string[], random: Random): string {
  return listOf(items, items.length > 2 && random.chance(0.4));
}

// Repeated words are more frequent.
const parts = {
  body: ["body", "body", "body", "back"],
  wings: ["wings", "wings", "wings", "wing"],
  head: ["head", "head", "crown"],
  belly: ["belly", "belly", "breast", "underside", "chest"],
  beak: ["beak", "bill"],
  tail: ["tail", "tail", "tail", "tail feathers"],
};
const colourWords: Record<Colour, string[]> = {
  red: ["red", "red", "red", "scarlet"],
  orange: ["orange"],
  yellow: ["yellow", "yellow", "yellow", "golden"],
  green: ["green"],
  blue: ["blue"],
  pink: ["pink", "pink", "pink", "rosy"],
  brown: ["brown", "brown", "brown", "chestnut"],
  black: ["black"],
  white: ["white"],
  gray: ["gray", "grey"],
};
const patternWords: Record<Traits["pattern"], string[]> = {
  plain: ["plain", "plain", "unmarked"],
  barred: ["barred", "striped", "banded"],
  spotted: ["spotted", "spotted", "speckled", "dotted"],
};
const markWords: Record<Traits["pattern"], string[]> = {
  plain: ["no markings", "no pattern"],
  barred: ["bars", "stripes"],
  spotted: ["spots", "dots", "speckles"],
};
const lengthWords: Record<"short" | "long", string[]> = {
  short: ["short", "short", "stubby"],
  long: ["long", "long", "elongated"],
};
const sizeWords: Record<Traits["size"], string[]> = {
  small: ["small", "small", "little", "tiny"],
  large: ["large", "large", "big"],
};
