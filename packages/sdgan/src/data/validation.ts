import { UserError } from "@sdgan/core/basics";
import type { Example, Source, Split } from "./dataset.js";
import { splitByHash } from "./folder/split.js";
import { nameHash } from "./name-hash.js";

/** Share of the training images that becomes `val`, unless another one is requested. */
export const validationShare = 0.05;

/**
 * `source` with a validation split. A source that has one, or whose examples are not known in advance, is
 * returned unchanged; so is every source if `share` is 0. Otherwise `share` of the training split becomes
 * `val`: whole classes if the test classes are held out of training, as in CUB and the built-in birds, so
 * that `val` tests generalization to new classes as `test` does; single images otherwise. The names with the
 * smallest hashes are chosen, which are the same on every machine: at least one if there are two or more, and
 * never all: `keep` of them are left for training.
 * Throws a `UserError` when `share` is not in [0, 1).
 */
export function cutValidation(source: Source, share: number, { keep = 1 } = {}): Source {
  if (!(share >= 0 && share < 1))
    throw new UserError(`the validation share is ${share}; expected a number from 0 to below 1`, {
      code: "usage",
    });
  const { listing } = source;
  if (share === 0 || !listing || listing.some(({ split }) => split === "val")) return source;
  const by = classesAreHeldOut(listing, "test") ? "class" : "image";
  return withSplit(source, chooseFromTraining(source, by, share, keep), "val");
}

/** Images that were set aside for testing, because the source has no test split. */
export interface SetAside {
  /** How many, of how many training images. Some may turn out to be unusable. */
  images: number;
  of: number;
  /** What was chosen by the hash of its name: images, or classes with all their images. */
  by: "image" | "class";
}

/** Share of the training images, or of their classes, that becomes `test` if a source has no test split. */
export const testShare = 0.1;

/**
 * `source` with a test split, and what was set aside for it. A source that has one is returned unchanged; so
 * is one whose examples are not known in advance, or that has fewer than two training images. Otherwise one
 * in ten of the training images becomes `test`: whole classes if the source has a validation split whose
 * classes are held out of training, single images otherwise. They are chosen as in `cutValidation`, which is
 * called after this function.
 */
export function cutTest(given: Source): { source: Source; setAside?: SetAside } {
  const source = isSplitByChance(given)
    ? withSplit(given, new Set(given.listing!.map(({ id }) => id)), "train")
    : given;
  const { listing } = source;
  if (!listing || listing.some(({ split }) => split === "test")) return { source };
  let by: SetAside["by"] = classesAreHeldOut(listing, "val") && hasClasses(listing) ? "class" : "image";
  let chosen = chooseFromTraining(source, by, testShare);
  // A single class cannot be set aside, but some of its images can.
  if (chosen.size === 0 && by === "class") {
    by = "image";
    chosen = chooseFromTraining(source, by, testShare);
  }
  if (chosen.size === 0) return { source };
  const of = usableForTraining(listing).length;
  return { source: withSplit(source, chosen, "test"), setAside: { images: chosen.size, of, by } };
}

/**
 * Whether one or two images of a folder are all in `test` only because the hashes of their names are
 * (`splitByHash`), so that none would be left to train on.
 */
function isSplitByChance({ name, listing }: Source): boolean {
  return (
    name === "folder" &&
    listing !== undefined &&
    listing.length <= 2 &&
    listing.every(({ id, split }) => split === "test" && splitByHash(id) === "test")
  );
}

type Listed = NonNullable<Source["listing"]>[number];

/** `source` with the images `ids` in `split`. */
function withSplit(source: Source, ids: ReadonlySet<string>, split: Split): Source {
  const assign = <Given extends Pick<Example, "id" | "split">>(one: Given): Given =>
    ids.has(one.id) ? { ...one, split } : one;
  return {
    ...source,
    listing: source.listing!.map(assign),
    async *examples() {
      for await (const one of source.examples()) yield assign(one);
    },
  };
}

/** Ids of `share` of the training images, or of the images of `share` of their classes. */
function chooseFromTraining(
  { listing, classes }: Source,
  by: SetAside["by"],
  share: number,
  keep = 1,
): ReadonlySet<string> {
  const train = usableForTraining(listing!);
  if (by === "image")
    return smallestHashes(
      train.map(({ id }) => id),
      share,
      keep,
    );
  const names = new Set(train.map(({ classId }) => classes[classId]!));
  const chosen = smallestHashes([...names], share, keep);
  return new Set(train.flatMap(({ id, classId }) => (chosen.has(classes[classId]!) ? id : [])));
}

/** The training images, without those known to be broken: these are skipped whatever their split is. */
function usableForTraining(listing: readonly Listed[]): readonly Listed[] {
  return listing.filter(({ split, unusable }) => split === "train" && !unusable);
}

/** Whether a training class has several images; without given classes, every image is a class of its own. */
function hasClasses(listing: readonly Listed[]): boolean {
  const train = listing.filter(({ split }) => split === "train");
  return new Set(train.map(({ classId }) => classId)).size < train.length;
}

/** Whether `split` has images, and none of a class that is in `train` too. */
function classesAreHeldOut(listing: readonly Listed[], split: Split): boolean {
  const classesOf = (wanted: Split) =>
    new Set(listing.flatMap(({ split, classId }) => (split === wanted ? classId : [])));
  const [train, others] = [classesOf("train"), classesOf(split)];
  return others.size > 0 && ![...others].some((classId) => train.has(classId));
}

function smallestHashes(names: readonly string[], share: number, keep: number): Set<string> {
  const wanted = Math.max(1, Math.round(share * names.length));
  const count = Math.max(0, Math.min(wanted, names.length - keep));
  const ranked = names
    .map((name) => ({ name, hash: nameHash(name) }))
    .sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : 1));
  return new Set(ranked.slice(0, count).map(({ name }) => name));
}
