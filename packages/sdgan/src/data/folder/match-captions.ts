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
 * `robin.caption`, as kohya's scripts write, or `robin.jpg.txt`. Several images with one name (`robin.jpg`, `robin.png`) share it.
 * A name that differs only in case or in Unicode's normal form is taken if there is only one.
 */
export function matchCaptions(names: readonly string[]): MatchedFiles {
  const unused: MatchedFiles["unused"] = [];
  const images: string[] = [];
  const unread: string[] = [];
  const found: string[][] = CAPTION_EXTENSIONS.map(() => []);
  for (const name of names) {
    const rank = captionRank(name);
    if (isImage(name)) images.push(name);
    else if (rank >= 0) found[rank]!.push(name);
    else {
      const reason = unreadFormat(name);
      if (reason !== undefined) unread.push(name);
      unused.push([name, reason ?? OTHER]);
    }
  }
  const captions = new Map<string, string>();
  for (const name of found.flat()) {
    const stem = stemOf(name);
    if (captions.has(stem)) unused.push([name, ELSEWHERE]);
    else captions.set(stem, name);
  }
  const stems = new Set([...images, ...unread].map(stemOf));
  const nearly = pairNearlyEqual(
    [...stems].filter((stem) => !captions.has(stem)),
    [...captions.keys()].filter((stem) => !stems.has(stem)),
  );
  const captionOf = (name: string): FoundName | undefined => {
    const stem = stemOf(name);
    const exact = captions.get(stem) ?? captions.get(name);
    if (exact !== undefined) return { name: exact };
    const near = nearly.get(stem);
    return near && { ...near, name: captions.get(near.name)! };
  };
  const matched = new Map(images.map((name) => [name, captionOf(name)]));
  const used = new Set([...matched.values()].map((found) => found?.name));
  const ofUnread = new Set(unread.map((name) => captionOf(name)?.name));
  for (const name of captions.values()) {
    if (!used.has(name)) unused.push([name, ofUnread.has(name) ? OF_UNREAD : NO_IMAGE]);
  }
  return { images: matched, unused, unread: unread.filter((name) => captionOf(name) !== undefined) };
}

/** The first is preferred; capitals stand for any other case. */
const CAPTION_EXTENSIONS = ["txt", "TXT", "caption", "CAPTION"];

/** Index of the extension in `CAPTION_EXTENSIONS`; -1 for none. */
function captionRank(name: string): number {
  const dot = name.lastIndexOf(".");
  if (dot < 0) return -1;
  const extension = name.slice(dot + 1);
  const exact = CAPTION_EXTENSIONS.indexOf(extension);
  return exact >= 0 ? exact : CAPTION_EXTENSIONS.indexOf(extension.toUpperCase());
}

export const HIDDEN = "is hidden, since its name begins with a dot: rename it";
export const ELSEWHERE = "the captions of its image are read from another file";
export const NO_IMAGE = "has no image of its name";
export const OF_UNREAD = "its image is in a format that is not read";
export const OTHER = "is neither an image nor a caption file";

/** The name without its last extension. */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > name.lastIndexOf("/") ? name.slice(0, dot) : name;
}
