/** Tokenizers split a caption into words. A vocabulary records the name of its tokenizer. */
import { hasAttnganWords, tokenizeAttngan, wordsLostByAttngan } from "./attngan-tokenizer.js";
import { hasUnicodeWords, tokenizeUnicode } from "./unicode-tokenizer.js";

export const tokenizerNames = ["attngan", "unicode"] as const;
export type TokenizerName = (typeof tokenizerNames)[number];

export interface Tokenizer {
  /** The words of a text, in order, with repetitions. Tokenizing the words joined by spaces gives the same words. */
  tokenize(text: string): string[];
  /** Whether `tokenize` finds any word; faster than `tokenize`. */
  hasWords(text: string): boolean;
  /** The words of a text, in any language, of which `tokenize` drops letters or all, each once. */
  lostWords(text: string): string[];
  /** The kind of its words, for messages: "has no word in Latin letters". */
  of: string;
}

export const tokenizers: Record<TokenizerName, Tokenizer> = {
  attngan: {
    tokenize: tokenizeAttngan,
    hasWords: hasAttnganWords,
    lostWords: wordsLostByAttngan,
    of: "in Latin letters",
  },
  unicode: {
    tokenize: tokenizeUnicode,
    hasWords: hasUnicodeWords,
    lostWords: () => [],
    of: "of letters or digits",
  },
};

/** The tokenizer for new vocabularies, except those of data sets that prescribe one. */
export const defaultTokenizer: TokenizerName = "unicode";
