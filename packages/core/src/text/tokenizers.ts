/** From a caption to words. A vocabulary names the one that it was built with. */
import { hasAttnganWords, tokenizeAttngan } from "./attngan-tokenizer.js";
import { hasUnicodeWords, tokenizeUnicode } from "./unicode-tokenizer.js";

export const tokenizerNames = ["attngan", "unicode"] as const;
export type TokenizerName = (typeof tokenizerNames)[number];

export interface Tokenizer {
  /** The words of a text, in order, each as often as it is there. Words joined by spaces give the same words. */
  tokenize(text: string): string[];
  /** Whether `tokenize` would find any: quicker. */
  hasWords(text: string): boolean;
  /** What its words are made of, for messages: "has no word in Latin letters". */
  of: string;
}

export const tokenizers: Record<TokenizerName, Tokenizer> = {
  attngan: { tokenize: tokenizeAttngan, hasWords: hasAttnganWords, of: "in Latin letters" },
  unicode: { tokenize: tokenizeUnicode, hasWords: hasUnicodeWords, of: "of letters or digits" },
};

/** Of vocabularies that are built from captions of no particular data set. */
export const defaultTokenizer: TokenizerName = "unicode";
