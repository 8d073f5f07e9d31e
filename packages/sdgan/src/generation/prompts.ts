import { readFileSync } from "node:fs";
import { type EncodedCaption, UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";
import type { ImageSource } from "./image-source.js";

/** A caption to generate images of. */
export interface Prompt {
  caption: string;
  /** File and line of the caption, if it was read from a file. */
  where?: string;
}

/**
 * Reads the captions of a text file, one per line. Blank lines are skipped.
 * @throws UserError if the file cannot be read or has no caption
 */
export function readCaptions(file: string): Prompt[] {
  const lines = onDisk(file, () => readFileSync(file, "utf8"))
    .replace(/^\ufeff/, "")
    .split(/\r?\n/);
  const prompts = lines.flatMap((line, i) =>
    line.trim() === "" ? [] : { caption: line.trim(), where: `${file}:${i + 1}` },
  );
  if (prompts.length === 0)
    throw new UserError(`${file}: has no caption; expected one per line`, { code: "file.invalid" });
  return prompts;
}

/**
 * Reads every caption with the model's vocabulary. Returns what the model reads and ignores of each.
 * @throws UserError for the first caption without a known word
 */
export function readPrompts(source: ImageSource, prompts: readonly Prompt[]): EncodedCaption[] {
  return prompts.map(({ caption, where }) => at(where, () => source.read(caption)));
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
