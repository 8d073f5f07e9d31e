import { UserError } from "@sdgan/core";
import { readPickle } from "@sdgan/torch/pickle";
import type { DataFolder } from "./data-folder.js";

/**
 * Reads the pickled list at `path`, without executing anything in it. Throws a `UserError` that names the
 * file and what it is instead: an empty file, a web page and a Git LFS pointer are common results of failed
 * downloads.
 */
export function readPickleList(folder: DataFolder, path: string): unknown[] {
  const bytes = folder.readList(path);
  const refuse = (problem: string): never => {
    throw new UserError(`${folder.at(path)}: ${problem}`, { code: "data.invalid" });
  };
  if (bytes.length === 0) refuse("is empty. Download or unpack it again.");
  if (/^\s*</.test(bytes.toString("latin1", 0, 100))) {
    refuse("is a web page, not the file: the download did not work. Download it again, with a browser.");
  }
  if (bytes.toString("latin1", 0, 19) === "version https://git") {
    refuse('is a Git LFS pointer, not the file. Fetch the file itself with "git lfs pull".');
  }
  let content: unknown;
  try {
    content = readPickle(bytes);
  } catch (error) {
    return refuse((error as Error).message);
  }
  return Array.isArray(content) ? content : refuse("the pickle does not contain a list");
}
