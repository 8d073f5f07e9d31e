import { nearest, UserError } from "@sdgan/core";
import type { Thing, UnicodeList } from "./unicode-list.js";

/** A name for several subgroups: smileys with faces, faces of cats and monkeys, and animals whose name is "… face". */
export const FACES = "faces";

/**
 * Which things `names` choose: of Unicode's groups or subgroups, or `faces`. Everything if there are none.
 * Throws a `UserError` for any other name.
 */
export function groupFilter(names: readonly string[], list: UnicodeList): (thing: Thing) => boolean {
  if (names.length === 0) return () => true;
  const known = [FACES, ...list.groups, ...list.subgroups];
  const chosen = names.map((name) => name.toLowerCase());
  for (const name of chosen) {
    if (known.includes(name)) continue;
    const guess = nearest(name, known);
    throw new UserError(
      `--groups: there is no group ${JSON.stringify(name)}${guess === undefined ? "" : `; the nearest is ${guess}`}. Expected ` +
        `${FACES}, one of the groups ${list.groups.join(", ")}, or one of their subgroups, such as ${list.subgroups[0]} (docs/data.md)`,
      { code: "usage" },
    );
  }
  const wanted = new Set(chosen);
  return (thing) =>
    wanted.has(thing.group) || wanted.has(thing.subgroup) || (wanted.has(FACES) && hasFace(thing));
}

/** Whether all things that `names` choose are faces. */
export function areFaces(names: readonly string[]): boolean {
  return (
    names.length > 0 &&
    names.every((name) => name.toLowerCase() === FACES || FACE_SUBGROUP.test(name.toLowerCase()))
  );
}

const FACE_SUBGROUP = /^(face-.*|cat-face|monkey-face)$/;

function hasFace({ group, subgroup, label }: Thing): boolean {
  return FACE_SUBGROUP.test(subgroup) || (group === "animals-nature" && /\bface$/.test(label));
}
