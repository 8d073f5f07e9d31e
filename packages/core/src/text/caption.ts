import { UserError } from "../errors.js";
import type { Random } from "../random.js";
import { quote } from "./escape.js";
import { nearest } from "./nearest.js";
import { tokenizers } from "./tokenizers.js";
import type { Vocabulary } from "./vocabulary.js";

export interface EncodedCaption {
  /** One to `maxWords` tokens, none of them padding. */
  tokens: number[];
  /** Words of the caption that are not in the vocabulary, each once. They do not affect the image. */
  unknown: string[];
  /** The known words after the first `maxWords`, in order. They do not affect the image either. */
  beyond: string[];
  /** Words of which the tokenizer drops letters or all, each once: those that are not ASCII, for `attngan`. */
  lost: string[];
}

/**
 * Encodes a caption for generation: the first `maxWords` of its known words.
 * @throws UserError `caption.empty` for a caption without any word, `caption.unknown-words` without any known word
 */
export function encodeCaption(vocabulary: Vocabulary, text: string, maxWords: number): EncodedCaption {
  const { tokens, unknown } = vocabulary.read(text);
  if (tokens.length === 0) throw refusal(vocabulary, text);
  const beyond = tokens.slice(maxWords).map((token) => vocabulary.words[token]!);
  const lost = tokenizers[vocabulary.tokenizer].lostWords(text);
  return { tokens: tokens.slice(0, maxWords), unknown, beyond, lost };
}

/**
 * Encodes a caption for training: of more than `maxWords` words, a random sample of `maxWords` is kept in order, so
 * that over the epochs every word of a long caption is used.
 */
export function sampleWords(tokens: readonly number[], maxWords: number, random: Random): readonly number[] {
  if (tokens.length <= maxWords) return tokens;
  const places = random
    .shuffled([...tokens.keys()])
    .slice(0, maxWords)
    .sort((a, b) => a - b);
  return places.map((place) => tokens[place]!);
}

function refusal(vocabulary: Vocabulary, text: string): UserError {
  const { tokenize, of } = tokenizers[vocabulary.tokenizer];
  const words = [...new Set(tokenize(text))];
  const hasWords = words.length > 0;
  const what =
    text.trim() === "" ? "is empty" : hasWords ? "has no word that the model knows" : `has no word ${of}`;
  return new UserError(`The caption ${quote(text)} ${what}. ${suggestion(vocabulary, words)}`, {
    code: hasWords ? "caption.unknown-words" : "caption.empty",
  });
}

/** Suggests the known words nearest to `words`, else those that the captions used first, which tend to be common. */
function suggestion(vocabulary: Vocabulary, words: string[]): string {
  const known = vocabulary.words.slice(1);
  const first = words.slice(0, 5);
  const near = new Set(first.flatMap((word) => nearest(word, known) ?? []));
  if (near.size > 0) return `Did you mean: ${[...near].join(", ")}?`;
  const common = known.filter((word) => word.length > 3).slice(0, 10);
  return `Known words are, for example: ${(common.length > 0 ? common : known.slice(0, 10)).join(", ")}.`;
}
