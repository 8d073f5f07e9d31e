import { basename, dirname } from "node:path";
import { type TokenizerName, UserError, type Vocabulary } from "@sdgan/core";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { readAttnganVocabulary } from "./attngan.js";
import { DataFolder } from "./data-folder.js";
import type { Source } from "./dataset.js";

/**
 * `source` with another vocabulary, so that a text encoder with that vocabulary can be used. `choice` is a
 * vocabulary file (AttnGAN's `captions.pickle` or a `vocabulary.json`), or "captions" for a vocabulary built
 * from the captions, even if the source has its own.
 * Throws a `UserError` when the file is not a vocabulary.
 */
export function withVocabulary(source: Source, choice: string): Source {
  const { vocabulary: _, ...rest } = source;
  if (choice === "captions") return rest;
  return { ...rest, vocabulary: readVocabulary(choice) };
}

/**
 * `source` with its captions split into words by `tokenizer`.
 * Throws a `UserError` when the source has a vocabulary of another tokenizer.
 */
export function withTokenizer(source: Source, tokenizer: TokenizerName): Source {
  const { vocabulary } = source;
  if (vocabulary && vocabulary.tokenizer !== tokenizer) {
    throw new UserError(
      `--tokenizer ${tokenizer}: the given vocabulary uses the tokenizer ${vocabulary.tokenizer}. ` +
        "Omit --tokenizer, or build the vocabulary from the captions with --vocabulary captions.",
      { code: "usage" },
    );
  }
  return { ...source, tokenizer };
}

/**
 * Reads AttnGAN's `captions.pickle` or a `vocabulary.json`. Throws a `UserError` when the file is neither.
 */
export function readVocabulary(file: string): Vocabulary {
  if (!/\.(pickle|pkl)$/.test(file)) return loadVocabulary(file);
  return readAttnganVocabulary(
    new DataFolder(dirname(file), "Give the file of a vocabulary."),
    basename(file),
  );
}
