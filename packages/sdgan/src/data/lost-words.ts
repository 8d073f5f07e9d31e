import { tokenizers } from "@sdgan/core";
import { type Source, tokenizerOf } from "./dataset.js";

/** What a tokenizer drops from captions. */
export interface LostWords {
  /** Captions that lose letters or words, of all captions. */
  captions: number;
  of: number;
  /** Some of the words that are dropped or shortened. */
  words: string[];
}

/**
 * `source`, and a function that returns what its tokenizer drops from the captions of the examples read so far,
 * also of those that are skipped: undefined if nothing. Every example must be read once.
 */
export function watchLostWords(source: Source): { source: Source; lostWords(): LostWords | undefined } {
  const { lostWords } = tokenizers[tokenizerOf(source)];
  const words = new Set<string>();
  let captions = 0;
  let of = 0;
  return {
    source: {
      ...source,
      async *examples() {
        for await (const example of source.examples()) {
          for (const { text } of example.captions) {
            const lost = lostWords(text);
            of++;
            if (lost.length > 0) captions++;
            for (const word of words.size < shown ? lost : []) words.add(word);
          }
          yield example;
        }
      },
    },
    lostWords: () =>
      captions > 0 ? { captions, of, words: [...words].slice(0, shown).map(shortened) } : undefined,
  };
}

const shown = 20;

/** Text in a script without spaces is one word here, however long. */
function shortened(word: string): string {
  const characters = [...word.slice(0, 100)];
  return characters.length > 20 ? `${characters.slice(0, 20).join("")}…` : word;
}
