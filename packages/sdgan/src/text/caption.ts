import { UserError } from "../errors.js";
import type { Random } from "../random.js";
import { quote } from "./quote.js";
import { tokenize } from "./tokens.js";
import type { Vocabulary } from "./vocabulary.js";

export interface EncodedCaption {
  /** One to `maxWords` tokens, none of them padding. */
  tokens: number[];
  /** Words of the caption that the vocabulary lacks: they have no part in the image. */
  unknown: string[];
}

/**
 * A caption as a model reads it when it draws: the first `maxWords` of its known words.
 * Throws a `UserError` for a caption without any known word.
 */
export function encodeCaption(vocabulary: Vocabulary, text: string, maxWords: number): EncodedCaption {
  const tokens = vocabulary.encode(text).slice(0, maxWords);
  if (tokens.length === 0) throw new UserError(refusal(vocabulary, text));
  return { tokens, unknown: vocabulary.unknownWords(text) };
}

/**
 * A caption as a model reads it in training: from more than `maxWords` words that many are drawn at random and
 * kept in order, so that over the epochs every word of a long caption is read.
 */
export function sampleWords(tokens: readonly number[], maxWords: number, random: Random): readonly number[] {
  if (tokens.length <= maxWords) return tokens;
  const places = random
    .shuffled([...tokens.keys()])
    .slice(0, maxWords)
    .sort((a, b) => a - b);
  return places.map((place) => tokens[place]!);
}

function refusal(vocabulary: Vocabulary, text: string): string {
  if (text.trim() === "") {
    return `The caption ${quote(text)} is empty. ${suggestion(vocabulary, [])}`;
  }
  const words = [...new Set(tokenize(text))];
  const reason = words.length === 0 ? "has no word in Latin letters" : "has no word that the model knows";
  return `The caption ${quote(text)} ${reason}. ${suggestion(vocabulary, words)}`;
}

/** The known words nearest to `words`, else the ones that the captions used first, which tend to be common. */
function suggestion(vocabulary: Vocabulary, words: string[]): string {
  const known = vocabulary.words.slice(1);
  const asked = words.slice(0, 5);
  const near = new Set(asked.flatMap((word) => nearest(known, word) ?? []));
  if (near.size > 0) return `Did you mean: ${[...near].join(", ")}?`;
  const common = known.filter((word) => word.length > 3).slice(0, 10);
  return `Known words are, for example: ${(common.length > 0 ? common : known.slice(0, 10)).join(", ")}.`;
}

/** The word of `known` at the smallest edit distance from `word`, where that is at most a third of its length. */
function nearest(known: readonly string[], word: string): string | undefined {
  let best: string | undefined;
  let limit = Math.floor(word.length / 3);
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(candidate, word);
    if (distance > limit || (best !== undefined && distance === limit)) continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

/** Levenshtein's: how many letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
