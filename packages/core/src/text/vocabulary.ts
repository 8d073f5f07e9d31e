import { z } from "zod";
import { UserError } from "../errors.js";
import { tokenize } from "./tokens.js";

/** Every word that a model knows; a word's token is its place in `words`. */
export class Vocabulary {
  /** Token → word. Token 0 is padding, named "<end>" as in AttnGAN. */
  readonly words: readonly string[];
  readonly #tokens: Map<string, number>;

  /** `words` begins with `PADDING` and has each word once. */
  constructor(words: readonly string[]) {
    this.words = words;
    this.#tokens = new Map(words.map((word, token) => [word, token]));
    this.#tokens.delete(PADDING);
  }

  /** The words of all `captions`, in the order of their first use. */
  static build(captions: Iterable<string>): Vocabulary {
    const words = new Set([PADDING]);
    for (const caption of captions) for (const word of tokenize(caption)) words.add(word);
    return new Vocabulary([...words]);
  }

  /**
   * Reads the text of a `vocabulary.json`.
   * @param where the text came from, for the message
   * @throws UserError if it is not one
   */
  static parse(text: string, where: string): Vocabulary {
    try {
      return new Vocabulary(fileSchema.parse(JSON.parse(text)).words);
    } catch (error) {
      const found = error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, " ") : String(error);
      throw new UserError(
        `${where}: not a vocabulary (${found}); expected {"words": ["${PADDING}", …]} with each word once. ` +
          "Prepare the data again, or take the vocabulary.json of the run that the model comes from.",
      );
    }
  }

  /** The text of `vocabulary.json`. */
  format(): string {
    return `${JSON.stringify({ words: this.words }, undefined, 1)}\n`;
  }

  /** Number of tokens, padding among them: the number of rows of an embedding. */
  get size(): number {
    return this.words.length;
  }

  /** The tokens of the words of `text` that are known; `unknownWords` names the others. */
  encode(text: string): number[] {
    return tokenize(text).flatMap((word) => this.#tokens.get(word) ?? []);
  }

  /** The words of `text` that `encode` leaves out, each once. */
  unknownWords(text: string): string[] {
    return [...new Set(tokenize(text))].filter((word) => !this.#tokens.has(word));
  }
}

export const PADDING = "<end>";

const fileSchema = z.object({
  words: z
    .array(z.string())
    .min(1)
    .refine((words) => words[0] === PADDING, `the first word must be "${PADDING}"`)
    .refine((words) => new Set(words).size === words.length, "a word stands there twice"),
});
