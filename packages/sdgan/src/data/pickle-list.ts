import { describeImpostor, UserError } from "@sdgan/core";
import { readPickle } from "@sdgan/torch/pickle";
import type { DataFolder } from "./data-folder.js";

/**
 * Reads the pickled list at `path`, without executing anything in it. Throws a `UserError` that names the
 * file and what it is instead: an empty file, a web page and a Git LFS pointer are common results of failed
 * downloads and clones.
 */
export function readPickleList(folder: DataFolder, path: string): unknown[] {
  const bytes = folder.readList(path);
  const refuse = (problem: string): never => {
    throw new UserError(`${folder.at(path)}: ${problem}`, { code: "data.invalid" });
  };
  if (bytes.length === 0) refuse("is empty. Download or unpack it again.");
  const impostor = describeImpostor(bytes);
  if (impostor !== undefined) refuse(impostor);
  let content: unknown;
  try {
    content = readPickle(bytes);
  } catch (error) {
    return refuse((error as Error).message);
  }
  return Array.isArray(content) ? content : refuse("the pickle does not contain a list");
}
