import { z } from "zod";
import { UserError } from "../errors.js";
import { visible } from "./escape.js";
import { defaultTokenizer, type TokenizerName, tokenizerNames, tokenizers } from "./tokenizers.js";

/** The words that a model knows, and the tokenizer that splits captions into words. A token is an index of `words`. */
export class Vocabulary {
  /** Token → word. Token 0 is padding, named "<end>" as in AttnGAN. */
  readonly words: readonly string[];
  readonly tokenizer: TokenizerName;
  readonly #tokens: Map<string, number>;

  /** `words` starts with `PADDING` and has each word once. */
  constructor(words: readonly string[], tokenizer: TokenizerName = defaultTokenizer) {
    this.words = words;
    this.tokenizer = tokenizer;
    this.#tokens = new Map(words.map((word, token) => [word, token]));
    this.#tokens.delete(PADDING);
  }

  /** Builds a vocabulary from the words of all `captions`, in the order of their first use. */
  static build(captions: Iterable<string>, tokenizer: TokenizerName = defaultTokenizer): Vocabulary {
    const words = new Set([PADDING]);
    for (const caption of captions)
      for (const word of tokenizers[tokenizer].tokenize(caption)) words.add(word);
    return new Vocabulary([...words], tokenizer);
  }

  /**
   * Reads the text of a `vocabulary.json`. The default tokenizer is `attngan`.
   * @param where the text came from, for the message
   * @throws UserError if it is not a vocabulary
   */
  static parse(text: string, where: string): Vocabulary {
    try {
      const { words, tokenizer } = fileSchema.parse(JSON.parse(text));
      return new Vocabulary(words, tokenizer);
    } catch (error) {
      const found = error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, " ") : String(error);
      throw new UserError(
        `${where}: not a vocabulary (${visible(found).slice(0, 300)}); expected {"tokenizer": "${tokenizerNames.join('" or "')}", ` +
          `"words": ["${PADDING}", …]} with each word once. ` +
          "Prepare the data again, or use the vocabulary.json of the run that trained the model.",
        { code: "vocabulary.invalid", cause: error },
      );
    }
  }

  /** The text of `vocabulary.json`. */
  format(): string {
    return `${JSON.stringify({ tokenizer: this.tokenizer, words: this.words }, undefined, 1)}\n`;
  }

  /** Number of tokens including padding: the number of rows of an embedding. */
  get size(): number {
    return this.words.length;
  }

  /** Whether both give the same tokens for every text. */
  equals({ words, tokenizer }: Vocabulary): boolean {
    return (
      this.tokenizer === tokenizer &&
      this.words.length === words.length &&
      this.words.every((word, token) => word === words[token])
    );
  }

  /** Whether each token of `other` is the same word here: both split text alike, and the words of `other` come first. */
  beginsWith({ words, tokenizer }: Vocabulary): boolean {
    return this.tokenizer === tokenizer && words.every((word, token) => word === this.words[token]);
  }

  /**
   * This vocabulary, with its tokens, followed by the words of `other` that it lacks.
   * @throws TypeError if `other` has another tokenizer
   */
  extendedBy({ words, tokenizer }: Vocabulary): Vocabulary {
    if (tokenizer !== this.tokenizer)
      throw new TypeError(`Vocabulary: ${this.tokenizer} cannot be extended by words of ${tokenizer}`);
    return new Vocabulary([...new Set([...this.words, ...words])], tokenizer);
  }

  /** For each token, the token of the same word in `other`; undefined for words that `other` lacks. */
  tokensIn({ words }: Vocabulary): (number | undefined)[] {
    const tokens = new Map(words.map((word, token) => [word, token]));
    return this.words.map((word) => tokens.get(word));
  }

  /** The tokens of the known words of `text`, and its unknown words, each once. */
  read(text: string): { tokens: number[]; unknown: string[] } {
    const tokens: number[] = [];
    const unknown = new Set<string>();
    for (const word of tokenizers[this.tokenizer].tokenize(text)) {
      const token = this.#tokens.get(word);
      if (token === undefined) unknown.add(word);
      else tokens.push(token);
    }
    return { tokens, unknown: [...unknown] };
  }

  /** The tokens of the known words of `text`; `unknownWords` returns the others. */
  encode(text: string): number[] {
    return this.read(text).tokens;
  }

  /** The words of `text` that `encode` leaves out, each once. */
  unknownWords(text: string): string[] {
    return this.read(text).unknown;
  }
}

export const PADDING = "<end>";

const fileSchema = z.object({
  tokenizer: z.enum(tokenizerNames).default("attngan"),
  words: z
    .array(z.string())
    .min(1)
    .refine((words) => words[0] === PADDING, `the first word must be "${PADDING}"`)
    .refine((words) => new Set(words).size === words.length, "a word is listed twice"),
});
