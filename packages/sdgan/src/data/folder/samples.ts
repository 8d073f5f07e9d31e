import { isClutter } from "../clutter.js";
import { type FoundName, pairNearlyEqual } from "../name-index.js";
import { isImage, unreadFormat } from "./image-names.js";
import { ELSEWHERE, HIDDEN, NO_IMAGE, OF_UNREAD, OTHER, stemOf } from "./match-captions.js";
import type { ReportUnused, TarMember } from "./tar.js";

/** An image in a tar file, with its captions if it has any. */
export interface Sample {
  /** Unique in the tar file: the image's name without its extension, or with it if several have that name. */
  key: string;
  /** Equal for images that share their captions: these must be in the same split. */
  group: string;
  image: TarMember;
  captions?: CaptionMember;
  /** How the captions were found, if in an unusual way; for `Remarks`. */
  note?: string;
}

export interface CaptionMember extends TarMember {
  format: "lines" | "json";
}

/**
 * Groups the members of a tar file into samples, in the order of the images. By WebDataset's rule, members
 * with the same name up to the first dot are a sample. Names with more dots are common (`photo.2021.jpg`,
 * `7.left.jpg`), and by that rule alone many photographs would be one sample. So the captions of an image are
 * the first of these that exist:
 *
 * 1. those with its name: `7.left.txt` for `7.left.jpg`; `.txt` before `.caption` before `.json`;
 * 2. those with a shorter name: `7.txt`. But if there is `7.jpg` too, they are only for that, and `7.left.jpg`
 *    is not used: it may be a mask;
 * 3. the only other captions with its name up to the words at its end: `7.caption.txt` for `7.jpg` or for
 *    `7.image.jpg`;
 * 4. the only captions whose name differs just in case or in Unicode's normal form.
 *
 * Calls `unused` for every member that is in no sample.
 */
export function samplesOf(members: readonly TarMember[], unused: ReportUnused): Sample[] {
  const sorted = sortMembers(members, unused);
  const { images, captions, stems } = sorted;
  const onlyOther = onlyOthers(sorted);
  const found = new Map<TarMember, FoundName>();
  const others = new Set<TarMember>();
  for (const image of images) {
    const stem = stemOf(image.name);
    const sample = withoutWords(stem);
    const nearest = prefixes(stem).find((prefix) => captions.has(prefix));
    if (nearest !== undefined && nearest !== stem && stems.has(nearest)) others.add(image);
    else {
      const format = nearest === undefined ? undefined : captions.get(nearest)!.format;
      const name = format === "lines" ? nearest : (onlyOther(stem, format) ?? nearest);
      if (name !== undefined) found.set(image, { name });
      else if (stem !== sample && stems.has(sample)) others.add(image);
    }
  }
  const taken = new Set([...found.values()].map(({ name }) => name));
  const nearly = pairNearlyEqual(
    images.filter((image) => !found.has(image) && !others.has(image)).map(({ name }) => stemOf(name)),
    [...captions.keys()].filter((stem) => !taken.has(stem) && !stems.has(stem)),
  );
  for (const { name } of nearly.values()) taken.add(name);

  const complete = new Set([...found.keys()].map(({ name }) => withoutWords(stemOf(name))));
  for (const { name } of others) unused(name, ANOTHER_IMAGE);
  for (const [stem, { name }] of captions) {
    if (!taken.has(stem)) unused(name, reasonFor(stem, sorted, complete));
  }
  const keyOf = keysOf(images);
  return images.flatMap((image) => {
    if (others.has(image)) return [];
    const { name, note } = found.get(image) ?? nearly.get(stemOf(image.name)) ?? {};
    return {
      ...{ key: keyOf(image), group: name ?? stemOf(image.name), image },
      ...(name !== undefined && { captions: captions.get(name)! }),
      ...(note !== undefined && { note }),
    };
  });
}

const ANOTHER_IMAGE = "another image of its sample is used";

interface Sorted {
  images: TarMember[];
  /** Name without extension → the captions with that name. */
  captions: Map<string, CaptionMember>;
  /** Names without extension of all images, also of those in formats that are not read. */
  stems: Set<string>;
  /** Those of images in formats that are not read. */
  unreadStems: Set<string>;
}

/** Sorts members by their extension. Calls `unused` for those that are neither images nor captions. */
function sortMembers(members: readonly TarMember[], unused: ReportUnused): Sorted {
  const images: TarMember[] = [];
  const found: CaptionMember[][] = CAPTION_EXTENSIONS.map(() => []);
  const unreadStems = new Set<string>();
  for (const member of members) {
    const { name } = member;
    if (isClutter(baseOf(name)) || /(^|\/)__MACOSX\//.test(name)) continue;
    if (baseOf(name).startsWith(".")) {
      if (isImage(name)) unused(name, HIDDEN);
      continue;
    }
    const rank = CAPTION_EXTENSIONS.findIndex((extension) => name.toLowerCase().endsWith(extension));
    const unread = unreadFormat(name);
    if (isImage(name)) images.push(member);
    else if (rank >= 0) found[rank]!.push({ ...member, format: rank === 2 ? "json" : "lines" });
    else {
      if (unread !== undefined) unreadStems.add(stemOf(name));
      unused(name, unread ?? OTHER);
    }
  }
  const captions = new Map<string, CaptionMember>();
  for (const member of found.flat()) {
    const stem = stemOf(member.name);
    if (captions.has(stem)) unused(member.name, ELSEWHERE);
    else captions.set(stem, member);
  }
  const stems = new Set([...images.map(({ name }) => stemOf(name)), ...unreadStems]);
  return { images, captions, stems, unreadStems };
}

/** The first is preferred. */
const CAPTION_EXTENSIONS = [".txt", ".caption", ".json"];

/**
 * Returns a function for rule 3. `nearest` is the format of the captions by rules 1 and 2: only lines are
 * preferred to JSON, which may have other things than captions.
 */
function onlyOthers({ images, captions, stems }: Sorted) {
  const lines = new Map<string, string[]>();
  const json = new Map<string, string[]>();
  for (const [stem, { format }] of captions) {
    const sample = withoutWords(stem);
    if (stem !== sample && !stems.has(stem)) append(format === "lines" ? lines : json, sample, stem);
  }
  const counts = new Map<string, number>();
  for (const { name } of images) {
    const sample = withoutWords(stemOf(name));
    counts.set(sample, (counts.get(sample) ?? 0) + 1);
  }
  return (stem: string, nearest: CaptionMember["format"] | undefined): string | undefined => {
    const sample = withoutWords(stem);
    if (stem !== sample && counts.get(sample) !== 1) return undefined;
    const texts = lines.get(sample) ?? [];
    const all = texts.length === 0 && nearest === undefined ? (json.get(sample) ?? []) : texts;
    return all.length === 1 ? all[0] : undefined;
  };
}

/**
 * The sample that a name is a part of: the name without the words after its dots, such as "photo.2021" of
 * "photo.2021.left". What begins with a digit is not a word: it tells samples apart.
 */
function withoutWords(stem: string): string {
  const first = upToFirstDot(stem).length;
  let end = stem.length;
  for (let dot = end; dot > first; ) {
    dot = stem.lastIndexOf(".", dot - 1);
    if (/\d/.test(stem.charAt(dot + 1))) break;
    end = dot;
  }
  return stem.slice(0, end);
}

/** Why captions are not used. `complete` are the samples with an image that has captions. */
function reasonFor(stem: string, { unreadStems, stems }: Sorted, complete: ReadonlySet<string>): string {
  const sample = withoutWords(stem);
  if (stems.has(stem) && !unreadStems.has(stem)) return ELSEWHERE;
  if (unreadStems.has(stem) || unreadStems.has(sample)) return OF_UNREAD;
  if (complete.has(sample)) return ELSEWHERE;
  return stems.has(sample) ? ONE_OF_SEVERAL : NO_IMAGE;
}

const ONE_OF_SEVERAL = "is one of several caption files of its image: keep one";

/** `stem` and its beginnings that end before a dot, the longest first; the last one ends before the first dot. */
function prefixes(stem: string): string[] {
  const first = upToFirstDot(stem);
  const found = [stem];
  for (let end = stem.lastIndexOf("."); end > first.length; end = stem.lastIndexOf(".", end - 1)) {
    if (found.push(stem.slice(0, end)) === MAX_PREFIXES) break;
  }
  return stem === first ? found : [...found, first];
}

/** Limits the work for names of many dots. */
const MAX_PREFIXES = 16;

function keysOf(images: readonly TarMember[]): (image: TarMember) => string {
  const names = new Set(images.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const { name } of images) counts.set(stemOf(name), (counts.get(stemOf(name)) ?? 0) + 1);
  return ({ name }) => (counts.get(stemOf(name)) === 1 && !names.has(stemOf(name)) ? stemOf(name) : name);
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function upToFirstDot(name: string): string {
  const from = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", from);
  return dot < 0 ? name : name.slice(0, dot);
}

function append(groups: Map<string, string[]>, key: string, value: string): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}
