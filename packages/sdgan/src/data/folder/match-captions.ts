import { type FoundName, pairNearlyEqual } from "../name-index.js";
import { isImage, unreadFormat } from "./image-names.js";

/** The files of a folder: the images with their caption files, and the others. */
export interface MatchedFiles {
  /** Image → its caption file, if there is one. */
  images: Map<string, FoundName | undefined>;
  /** The files that are not used, with the reason. */
  unused: [name: string, reason: string][];
  /** Those of `unused` that have a caption file, but are in a format that is not read. */
  unread: string[];
}

/**
 * Finds the caption file of each image among the `names` of a folder's files: `robin.txt` of `robin.jpg`, or
 * `robin.caption`, as kohya's scripts write. Several images with one name (`robin.jpg`, `robin.png`) share it.
 * A name that differs only in case or in Unicode's normal form is taken if there is only one.
 */
export function matchCaptions(names: readonly string[]): MatchedFiles {
  const unused: MatchedFiles["unused"] = [];
  const images = names.filter(isImage);
  const unread = names.filter((name) => !isImage(name) && unreadFormat(name) !== undefined);
  const captions = new Map<string, string>();
  for (const ending of [/\.txt$/, /\.txt$/i, /\.caption$/, /\.caption$/i]) {
    for (const name of names) {
      if (!ending.test(name)) continue;
      const other = captions.get(stemOf(name));
      if (other === undefined) captions.set(stemOf(name), name);
      else if (other !== name) unused.push([name, ELSEWHERE]);
    }
  }
  const stems = new Set([...images, ...unread].map(stemOf));
  const nearly = pairNearlyEqual(
    [...stems].filter((stem) => !captions.has(stem)),
    [...captions.keys()].filter((stem) => !stems.has(stem)),
  );
  const captionOf = (name: string): FoundName | undefined => {
    const stem = stemOf(name);
    const found: FoundName | undefined = captions.has(stem) ? { name: stem } : nearly.get(stem);
    return found && { ...found, name: captions.get(found.name)! };
  };
  const matched = new Map(images.map((name) => [name, captionOf(name)]));
  const used = new Set([...matched.values()].map((found) => found?.name));
  const ofUnread = new Set(unread.map((name) => captionOf(name)?.name));
  for (const name of captions.values()) {
    if (!used.has(name)) unused.push([name, ofUnread.has(name) ? OF_UNREAD : NO_IMAGE]);
  }
  for (const name of names) {
    if (!isImage(name) && !isCaptions(name)) unused.push([name, unreadFormat(name) ?? OTHER]);
  }
  return { images: matched, unused, unread: unread.filter((name) => captionOf(name) !== undefined) };
}

export const ELSEWHERE = "the captions of its image are read from another file";
export const NO_IMAGE = "has no image of its name";
export const OF_UNREAD = "its image is in a format that is not read";
export const OTHER = "is neither an image nor a caption file";

function isCaptions(name: string): boolean {
  return /\.(txt|caption)$/i.test(name);
}

/** The name without its last extension. */
export function stemOf(name: string): string {
  return name.replace(/\.[^./]*$/, "");
}
