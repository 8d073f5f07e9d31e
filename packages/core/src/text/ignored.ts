import type { EncodedCaption } from "./caption.js";
import type { TokenizerName } from "./tokenizers.js";

/** Words of a caption that do not affect its image. */
export type Ignored = Pick<EncodedCaption, "unknown" | "beyond" | "lost">;

/**
 * What the model ignores of captions, a sentence per reason, each word once and at most `most` of them; empty if it reads
 * everything.
 * @param maxWords the model's limit (`data.maxWords`)
 */
export function ignoredLines(
  captions: readonly Ignored[],
  { maxWords, tokenizer, most }: { maxWords: number; tokenizer: TokenizerName; most: number },
): string[] {
  const lines: [what: string, words: string[]][] = [
    [
      `The model's tokenizer ${tokenizer} reads ASCII only and drops these words, or their other letters`,
      captions.flatMap(({ lost }) => lost),
    ],
    ["The model does not know these words and ignores them", captions.flatMap(({ unknown }) => unknown)],
    [
      `The model reads ${maxWords} words per caption and ignores these words after them`,
      captions.flatMap(({ beyond }) => beyond),
    ],
  ];
  return lines.flatMap(([what, words]) => (words.length > 0 ? `${what}: ${listed(words, most)}` : []));
}

function listed(words: readonly string[], most: number): string {
  const each = [...new Set(words)];
  return each.slice(0, most).join(", ") + (each.length > most ? ` and ${each.length - most} more` : "");
}
