import type { Random } from "@sdgan/core";
import type { Caption, Split } from "../dataset.js";
import { chooseNames, maxWords } from "./captions.js";
import { commonSentences, type Feature, type Sentence, testSentences } from "./paraphrase-sentences.js";
import {
  colourWords,
  lengthWords,
  markWords,
  partWords,
  patternWords,
  sizeWords,
  type Words,
} from "./paraphrase-words.js";
import { type Attribute, attributes, type Traits } from "./species.js";

/**
 * `count` captions that all name the same two to five of `traits`: each in a sentence of another form, as
 * far as forms fit in 18 words, with its parts in a random order and in random words. Captions of the split `test` have
 * also the forms and words of `testSentences` and `Words.test`.
 */
export function writeParaphrases(traits: Traits, count: number, split: Split, random: Random): Caption[] {
  const names = chooseNames(random);
  const captions = new Map<string, Caption>();
  let sentences: Sentence[] = [];
  let failures = 0;
  while (captions.size < count) {
    if (sentences.length === 0 || failures > 4 * sentences.length) {
      sentences = random.shuffled(sentencesOf(split));
      failures = 0;
    }
    const sentence = sentences.shift()!;
    const text = say(traits, sample(names, sentence, split, random));
    if (text.split(" ").length <= maxWords && !captions.has(text)) {
      captions.set(text, { text, names });
      failures = 0;
    } else {
      sentences.push(sentence);
      failures++;
    }
  }
  return [...captions.values()];
}

/**
 * Sentences that name `names` and `attribute` (of more than five, all but the last), one for each value of `attribute`, in the order of its values; all else is `traits`. Only
 * the words for that value differ, and the article before them.
 */
export function paraphraseVariants(
  attribute: Attribute,
  { names, traits, split, random }: { names: Attribute[]; traits: Traits; split: Split; random: Random },
): string[] {
  const named = names.includes(attribute) ? names : [...names.slice(0, 4), attribute];
  for (;;) {
    const plan = sample(named, random.pick(sentencesOf(split)), split, random);
    const texts = attributes[attribute].map((value) => say({ ...traits, [attribute]: value }, plan));
    if (texts.every((text) => text.split(" ").length <= maxWords)) return texts;
  }
}

function sentencesOf(split: Split): readonly Sentence[] {
  return split === "test" ? [...commonSentences, ...testSentences] : commonSentences;
}

/** All random choices of a caption, the same for all values of the attributes. */
interface Plan {
  sentence: Sentence;
  split: Split;
  /** What is said of the parts, in this order. */
  order: Feature["part"][];
  names: readonly Attribute[];
  /** 0 … 1, one for each choice of a word. */
  choices: Record<Attribute | `part ${Part}`, number>;
  hasMarks: boolean;
  comma: boolean;
}

type Part = keyof typeof partWords;
const parts = Object.keys(partWords) as Part[];

function sample(names: readonly Attribute[], sentence: Sentence, split: Split, random: Random): Plan {
  const labels = [
    ...(Object.keys(attributes) as Attribute[]),
    ...parts.map((part) => `part ${part}` as const),
  ];
  const isNamed = (part: Part) => names.includes(part) || (part === "wings" && names.includes("pattern"));
  return {
    ...{ sentence, split, names },
    order: random.shuffled(parts.filter(isNamed)),
    choices: Object.fromEntries(labels.map((label) => [label, random.uniform()])) as Plan["choices"],
    hasMarks: random.chance(0.35),
    comma: random.chance(0.4),
  };
}

function say(traits: Traits, { sentence, split, order, names, choices, hasMarks, comma }: Plan): string {
  const choose = (label: keyof Plan["choices"], { common, test }: Words) => {
    const all = split === "test" ? [...common, ...test] : common;
    return all[Math.floor(choices[label] * all.length)]!;
  };
  const featureOf = (part: Part): Feature => {
    const word = choose(`part ${part}`, partWords[part]);
    if (part === "beak" || part === "tail")
      return { part: word, adjectives: [choose(part, lengthWords[traits[part]])] };
    if (part !== "wings") return { part: word, adjectives: [choose(part, colourWords[traits[part]])] };
    const colour = names.includes("wings") ? [choose("wings", colourWords[traits.wings])] : [];
    if (!names.includes("pattern")) return { part: word, adjectives: colour };
    // "blue wings with bars and a long tail": the bars must come last where the colour is named too.
    const allowsMarks = sentence.marks && (colour.length === 0 || order.at(-1) === "wings");
    if (hasMarks && allowsMarks)
      return { part: word, adjectives: colour, marks: choose("pattern", markWords[traits.pattern]) };
    return { part: word, adjectives: [choose("pattern", patternWords[traits.pattern]), ...colour] };
  };
  const size = names.includes("size") ? choose("size", sizeWords[traits.size]) : undefined;
  return sentence.say({ size, features: (order as Part[]).map(featureOf), comma });
}
