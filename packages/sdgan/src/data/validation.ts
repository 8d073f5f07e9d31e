import { UserError } from "@sdgan/core/basics";
import type { Example, Source } from "./dataset.js";
import { nameHash } from "./name-hash.js";

/** Share of the training images that becomes `val`, unless another one is requested. */
export const validationShare = 0.05;

/**
 * `source` with a validation split. A source that has one, or whose examples are not known in advance, is
 * returned unchanged; so is every source if `share` is 0. Otherwise `share` of the training split becomes
 * `val`: whole classes if the test classes are held out of training, as in CUB and the built-in birds, so
 * that `val` tests generalization to new classes as `test` does; single images otherwise. The names with the
 * smallest hashes are chosen, which are the same on every machine: at least one if there are two or more, and
 * never all.
 * Throws a `UserError` when `share` is not in [0, 1).
 */
export function cutValidation(source: Source, share: number): Source {
  if (!(share >= 0 && share < 1))
    throw new UserError(`the validation share is ${share}; expected a number from 0 to below 1`, {
      code: "usage",
    });
  const { listing } = source;
  if (share === 0 || !listing || listing.some(({ split }) => split === "val")) return source;
  const chosen = chooseValidation(listing, source.classes, share);
  const assign = <Given extends Listed>(one: Given): Given =>
    chosen.has(one.id) ? { ...one, split: "val" } : one;
  return {
    ...source,
    listing: listing.map(assign),
    async *examples() {
      for await (const one of source.examples()) yield assign(one);
    },
  };
}

type Listed = Pick<Example, "id" | "split" | "classId">;

/** Ids of the validation images. */
function chooseValidation(
  listing: readonly Listed[],
  classes: readonly string[],
  share: number,
): Set<string> {
  const train = listing.filter(({ split }) => split === "train");
  if (!classesAreHeldOut(listing))
    return smallestHashes(
      train.map(({ id }) => id),
      share,
    );
  const names = new Set(train.map(({ classId }) => classes[classId]!));
  const chosen = smallestHashes([...names], share);
  return new Set(train.flatMap(({ id, classId }) => (chosen.has(classes[classId]!) ? id : [])));
}

/** Whether no class is in both `train` and `test`. */
function classesAreHeldOut(listing: readonly Listed[]): boolean {
  const classesOf = (wanted: Listed["split"]) =>
    new Set(listing.flatMap(({ split, classId }) => (split === wanted ? classId : [])));
  const [train, test] = [classesOf("train"), classesOf("test")];
  return test.size > 0 && ![...test].some((classId) => train.has(classId));
}

function smallestHashes(names: readonly string[], share: number): Set<string> {
  const count = Math.max(0, Math.min(Math.max(1, Math.round(share * names.length)), names.length - 1));
  const ranked = names
    .map((name) => ({ name, hash: nameHash(name) }))
    .sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : 1));
  return new Set(ranked.slice(0, count).map(({ name }) => name));
}
