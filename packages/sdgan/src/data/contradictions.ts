/**
 * Captions with one word changed, which no longer describe their image: "a bird with a long beak" becomes "a bird with a
 * short beak". Discriminators learn words from them that other images' captions seldom differ in alone.
 */
import type { Random } from "@sdgan/core";

type Caption = readonly number[];

/** Words that contradict each other count in at least this many pairs of captions, if they were synonyms. */
const fewestExpected = 5;

/** Of the pairs of captions in which synonyms are expected, contradicting words are in less than this share. */
const largestShare = 0.1;

/**
 * Which words contradict each other, learned from images with several captions each.
 *
 * A place is what is on both sides of a word: "a _ beak". At a place, two words contradict each other if each is there in
 * captions of some images, but almost never both in captions of one image, as "long" and "short". Synonyms, and words
 * that say nothing about the image, are there as often as the captions of an image are independent of each other.
 */
export class Contradictions {
  /** For each place and word there, the words that contradict it. */
  readonly #at = new Map<number, Map<number, number[]>>();

  /** @param images each image's captions, as tokens */
  constructor(images: readonly (readonly Caption[])[]) {
    const places = new Map<number, Place>();
    for (const { place, word } of images.flatMap((captions) => wordsOf(captions))) {
      valueAt(places, place, () => new Place()).add(word);
    }
    for (const captions of images) {
      const own = new Map<number, Map<number, number>>(); // Of this image: how often each word is at each place.
      for (const { place, word } of wordsOf(captions)) {
        const words = valueAt(own, place, () => new Map<number, number>());
        words.set(word, (words.get(word) ?? 0) + 1);
      }
      for (const [place, words] of own) places.get(place)!.addImage(words);
    }
    for (const [place, at] of places) {
      const found = at.contradictions();
      if (found.size > 0) this.#at.set(place, found);
    }
  }

  /** The caption with one word changed, chosen at random; undefined if no word of it has one that contradicts it. */
  change(tokens: Caption, random: Random): number[] | undefined {
    const choices = tokens.flatMap((word, t) => {
      const others = this.#at.get(placeOf(tokens, t))?.get(word);
      return others ? [{ t, others }] : [];
    });
    if (choices.length === 0) return undefined;
    const { t, others } = choices[random.below(choices.length)]!;
    return tokens.with(t, others[random.below(others.length)]!);
  }
}

/** Pairs of captions of one image with two words at the same place: their number, and that expected of synonyms. */
interface Pairs {
  found: number;
  expected: number;
}

/** What is at one place. */
class Place {
  /** How often each word is there. */
  readonly words = new Map<number, number>();
  #count = 0;
  /** Of each word and another one. */
  readonly #pairs = new Map<number, Map<number, Pairs>>();

  add(word: number): void {
    this.words.set(word, (this.words.get(word) ?? 0) + 1);
    this.#count++;
  }

  /** @param own the words at this place in captions of one image */
  addImage(own: ReadonlyMap<number, number>): void {
    const captions = [...own.values()].reduce((sum, times) => sum + times, 0);
    if (captions < 2 || this.words.size < 2) return;
    for (const [word, times] of own) {
      const pairs = valueAt(this.#pairs, word, () => new Map<number, Pairs>());
      for (const [other, frequency] of this.words) {
        if (other === word) continue;
        const pair = valueAt(pairs, other, () => ({ found: 0, expected: 0 }));
        pair.found += times * (own.get(other) ?? 0);
        pair.expected += (times * (captions - 1) * frequency) / this.#count;
      }
    }
  }

  contradictions(): Map<number, number[]> {
    const result = new Map<number, number[]>();
    for (const [word, pairs] of this.#pairs) {
      const others = [...pairs]
        .filter(([, { found, expected }]) => expected >= fewestExpected && found < largestShare * expected)
        .map(([other]) => other);
      if (others.length > 0) result.set(word, others);
    }
    return result;
  }
}

/** The value of a key, which is made and set if there is none. */
function valueAt<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

function wordsOf(captions: readonly Caption[]) {
  return captions.flatMap((tokens) => tokens.map((word, t) => ({ place: placeOf(tokens, t), word })));
}

/** The tokens on both sides of a word as one number. Token 0 is none. */
function placeOf(tokens: Caption, t: number): number {
  return (tokens[t - 1] ?? 0) * 2 ** 26 + (tokens[t + 1] ?? 0);
}
