import { basename, dirname } from "node:path";
import { type TokenizerName, UserError, type Vocabulary } from "@sdgan/core";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { readAttnganVocabulary } from "./attngan.js";
import { DataFolder } from "./data-folder.js";
import type { Source } from "./dataset.js";

/**
 * `source` with words from elsewhere, so that a text encoder that knows those words fits: `choice` is the file of a
 * vocabulary, AttnGAN's `captions.pickle` or a `vocabulary.json`; or "captions", for the words of the captions
 * themselves in the order of their use, even where the source brings others.
 * Throws a `UserError` when the file is no vocabulary.
 */
export function withVocabulary(source: Source, choice: string): Source {
  const { vocabulary: _, ...rest } = source;
  if (choice === "captions") return rest;
  return { ...rest, vocabulary: readVocabulary(choice) };
}

/**
 * `source` with its captions taken apart by `tokenizer`.
 * Throws a `UserError` when it brings a vocabulary of another one.
 */
export function withTokenizer(source: Source, tokenizer: TokenizerName): Source {
  const { vocabulary } = source;
  if (vocabulary && vocabulary.tokenizer !== tokenizer) {
    throw new UserError(
      `--tokenizer ${tokenizer}: the given words are of the tokenizer ${vocabulary.tokenizer}: ` +
        "leave out --tokenizer, or take the captions' own words with --vocabulary captions",
      { code: "usage" },
    );
  }
  return { ...source, tokenizer };
}

/** AttnGAN's `captions.pickle`, or a `vocabulary.json`. Throws a `UserError` when the file is neither. */
export function readVocabulary(file: string): Vocabulary {
  if (!/\.(pickle|pkl)$/.test(file)) return loadVocabulary(file);
  return readAttnganVocabulary(
    new DataFolder(dirname(file), "Give the file of a vocabulary."),
    basename(file),
  );
}
