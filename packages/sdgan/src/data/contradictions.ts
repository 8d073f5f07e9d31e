/**
 * Captions with one word changed, which no longer describe their image: "a bird with a long beak" becomes "a bird with a
 * short beak". Discriminators learn words from them that other images' captions seldom differ in alone.
 */
import type { Random } from "@sdgan/core";

type Caption = readonly number[];

/** Two words contradict each other only if this many pairs of captions would have both if they were synonyms. */
const fewestExpected = 5;

/** Of the pairs of captions in which synonyms are expected, contradicting words are in less than this share. */
const largestShare = 0.1;

/**
 * Which words contradict each other, learned from images with several captions each.
 *
 * A place is what is on both sides of a word: "a _ beak". At a place, two words contradict each other if each is there in
 * captions of some images, but almost never both in captions of one image, as "long" and "short". Synonyms, and words
 * that say nothing about the image, are there together as often as by chance.
 */
export class Contradictions {
  /** For each place and word there, the words that contradict it. */
  readonly #at = new Map<number, Map<number, number[]>>();

  /** @param images each image's captions, as tokens */
  constructor(images: readonly (readonly Caption[])[]) {
    const places = new Map<number, Place>();
    for (const captions of images) {
      // How often each word is at each place, in captions of this image.
      const own = new Map<number, Map<number, number>>();
      for (const tokens of captions) {
        for (let t = 0; t < tokens.length; t++) {
          const words = valueAt(own, placeOf(tokens, t), () => new Map<number, number>());
          words.set(tokens[t]!, (words.get(tokens[t]!) ?? 0) + 1);
        }
      }
      for (const [place, words] of own) valueAt(places, place, () => new Place()).addImage(words);
    }
    for (const [place, at] of places) {
      const found = at.contradictions();
      if (found.size > 0) this.#at.set(place, found);
    }
  }

  /** Whether no words contradict each other, as where images have one caption each. */
  get isEmpty(): boolean {
    return this.#at.size === 0;
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

/** What is at one place. */
class Place {
  readonly #words = new Map<number, WordCounts>();
  #captions = 0;

  /** @param own how often each word is at this place, in captions of one image */
  addImage(own: ReadonlyMap<number, number>): void {
    let captions = 0;
    for (const times of own.values()) captions += times;
    this.#captions += captions;
    for (const [word, times] of own) {
      const counts = valueAt(this.#words, word, () => ({ captions: 0, pairs: 0, together: new Map() }));
      counts.captions += times;
      counts.pairs += times * (captions - 1);
      for (const [other, often] of own) {
        if (other === word) continue;
        counts.together.set(other, (counts.together.get(other) ?? 0) + times * often);
      }
    }
  }

  contradictions(): Map<number, number[]> {
    const result = new Map<number, number[]>();
    for (const [word, { pairs, together }] of this.#words) {
      const others = [...this.#words].filter(([other, { captions }]) => {
        const expected = (pairs * captions) / this.#captions;
        return (
          other !== word && expected >= fewestExpected && (together.get(other) ?? 0) < largestShare * expected
        );
      });
      const words = others.map(([other]) => other);
      if (words.length > 0) result.set(word, words);
    }
    return result;
  }
}

/** Of a word at a place. */
interface WordCounts {
  captions: number;
  /** Pairs of these captions with another one of the same image that has any word at this place. */
  pairs: number;
  /** Of these, pairs with each other word. */
  together: Map<number, number>;
}

/** The value of a key, which is made and set if there is none. */
function valueAt<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** The tokens on both sides of a word as one number. Token 0 is none. */
function placeOf(tokens: Caption, t: number): number {
  return (tokens[t - 1] ?? 0) * 2 ** 26 + (tokens[t + 1] ?? 0);
}
