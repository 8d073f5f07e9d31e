import { readFileSync } from "node:fs";
import { UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";
import type { ImageGenerator } from "./image-generator.js";

/** A caption that somebody asks an image of. */
export interface Prompt {
  caption: string;
  /** The file and line that it stands on, if it does. */
  where?: string;
}

/**
 * The captions of a text file, one a line; blank lines are left out.
 * @throws UserError if it cannot be read, or has none
 */
export function readCaptions(file: string): Prompt[] {
  const lines = onDisk(file, () => readFileSync(file, "utf8"))
    .replace(/^\ufeff/, "")
    .split(/\r?\n/);
  const asked = lines.flatMap((line, i) =>
    line.trim() === "" ? [] : { caption: line.trim(), where: `${file}:${i + 1}` },
  );
  if (asked.length === 0)
    throw new UserError(`${file}: has no caption; expected one a line`, { code: "file.invalid" });
  return asked;
}

/**
 * Checks that the model can read every caption. Returns those that have words which it does not know, and leaves out.
 * @throws UserError for the first one that it cannot
 */
export function unknownWords(
  imageGenerator: ImageGenerator,
  asked: readonly Prompt[],
): { caption: string; words: string[] }[] {
  return asked.flatMap(({ caption, where }) => {
    const words = at(where, () => imageGenerator.read(caption)).unknown;
    return words.length > 0 ? [{ caption, words }] : [];
  });
}

function at<Result>(where: string | undefined, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError && where)
      throw new UserError(`${where}: ${error.message}`, { code: error.code, cause: error });
    throw error;
  }
}
