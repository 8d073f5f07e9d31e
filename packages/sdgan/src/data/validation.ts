import { UserError } from "@sdgan/core/basics";
import type { Example, Source } from "./dataset.js";
import { nameHash } from "./name-hash.js";

/** Share of what is to train on that becomes `val`, unless another one is asked for. */
export const validationShare = 0.05;

/**
 * `source` with a split to validate on. Where it has one of its own, or `share` is 0, or its examples are not known
 * beforehand, it stays as it is. Otherwise `share` of what is to train on is cut off: whole classes where the classes
 * to test on are held out of training, as CUB's and the drawn birds' are, so that `val` asks the same of a model as
 * `test` does; single images elsewhere. Those whose names' hashes are the smallest are taken, which are the same ones
 * on every machine. At least one is taken where there are two or more, and never all.
 * Throws a `UserError` for a share that is none.
 */
export function cutValidation(source: Source, share: number): Source {
  if (!(share >= 0 && share < 1))
    throw new UserError(`the share to validate on is ${share}, but must be a number from 0 to below 1`);
  const { listing } = source;
  if (share === 0 || !listing || listing.some(({ split }) => split === "val")) return source;
  const chosen = chooseValidation(listing, source.classes, share);
  const cut = <Given extends Listed>(one: Given): Given =>
    chosen.has(one.id) ? { ...one, split: "val" } : one;
  return {
    ...source,
    listing: listing.map(cut),
    async *examples() {
      for await (const one of source.examples()) yield cut(one);
    },
  };
}

type Listed = Pick<Example, "id" | "split" | "classId">;

/** Ids of the images to validate on. */
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

/** Whether no class is both trained and tested on. */
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
