import { UserError } from "../errors.js";
import type { Random } from "../random.js";
import { nearest } from "./nearest.js";
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
  const near = new Set(asked.flatMap((word) => nearest(word, known) ?? []));
  if (near.size > 0) return `Did you mean: ${[...near].join(", ")}?`;
  const common = known.filter((word) => word.length > 3).slice(0, 10);
  return `Known words are, for example: ${(common.length > 0 ? common : known.slice(0, 10)).join(", ")}.`;
}
