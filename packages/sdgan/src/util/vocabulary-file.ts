/** `vocabulary.json` on disk. */
import { readFileSync } from "node:fs";
import { UserError, Vocabulary } from "@sdgan/core";

/** @throws UserError that names `file` if it cannot be read or is not a vocabulary */
export function loadVocabulary(file: string): Vocabulary {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: not a vocabulary (${(error as Error).message})`, {
      code: "vocabulary.invalid",
    });
  }
  return Vocabulary.parse(text, file);
}
