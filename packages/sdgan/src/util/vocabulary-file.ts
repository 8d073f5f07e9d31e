/** `vocabulary.json` on disk. */
import { readFileSync } from "node:fs";
import { UserError, Vocabulary } from "@sdgan/core";
import { systemError } from "./system-errors.js";

/** @throws UserError that names `file` if it cannot be read or is not a vocabulary */
export function loadVocabulary(file: string): Vocabulary {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const found = systemError(error, file);
    if (found && found.code !== "file.missing") throw found;
    throw new UserError(`${file}: not a vocabulary (${(error as Error).message})`, {
      code: "vocabulary.invalid",
    });
  }
  return Vocabulary.parse(text, file);
}
