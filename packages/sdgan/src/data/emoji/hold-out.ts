import type { Split } from "../dataset.js";
import { splitByHash } from "../folder/split.js";
import { nameHash } from "../name-hash.js";

export const holdOuts = ["renderings", "things"] as const;

/**
 * What is held out for testing, one in ten by the hash of its name: single images, of things that training sees in other
 * styles, or things in all styles.
 */
export type HoldOut = (typeof holdOuts)[number];

/** The splits of the images of one thing, by their ids. */
export function splitsOf(key: string, ids: readonly string[], holdOut: HoldOut): Map<string, Split> {
  if (holdOut === "things") return new Map(ids.map((id) => [id, splitByHash(key)]));
  const splits = new Map(ids.map((id) => [id, splitByHash(id)]));
  // A thing that training does not see at all would be the other kind of test.
  if (ids.every((id) => splits.get(id) === "test")) {
    const last = ids.toSorted((a, b) => nameHash(a) - nameHash(b) || (a < b ? -1 : 1)).at(-1);
    if (last !== undefined) splits.set(last, "train");
  }
  return splits;
}
