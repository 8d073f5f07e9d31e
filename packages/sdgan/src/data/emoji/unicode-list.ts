import { z } from "zod";
import { keyOf } from "./code-points.js";
import type { PackageFiles } from "./package-files.js";

/** An emoji of Unicode's list. */
export interface Thing {
  /** Its code points in hexadecimal digits, without variation selectors: "1f468-200d-2695". */
  key: string;
  /** Its English name, only to find code points by names: captions have CLDR's names. */
  label: string;
  /** Unicode's group, such as "smileys-emotion". */
  group: string;
  /** Unicode's subgroup, such as "face-smiling". */
  subgroup: string;
  /** Whether it is a variant with a skin tone. */
  skinTone: boolean;
}

/** Unicode's list of emoji with its groups, as the package emojibase-data has it. */
export interface UnicodeList {
  /** By `key`, in Unicode's order. Parts of emoji, such as hair styles alone, are not listed. */
  things: ReadonlyMap<string, Thing>;
  /** Names of groups, in Unicode's order. */
  groups: readonly string[];
  subgroups: readonly string[];
  /** Unicode's names of single characters, such as "admission tickets", by `key`. */
  characterNames: Readonly<Record<string, string>>;
}

/** Reads the list. Throws a `UserError` that names a broken file. */
export function readUnicodeList(files: PackageFiles): UnicodeList {
  const { groups, subgroups } = files.json(PACKAGE, "meta/groups.json", groupsSchema);
  const entries = files.json(PACKAGE, "en/data.json", entriesSchema);
  const characters = files.json(PACKAGE, "meta/unicode-names.json", z.record(z.string(), z.string()));
  const sorted = entries
    .filter(
      ({ group, subgroup }) => groups[group ?? ""] !== undefined && subgroups[subgroup ?? ""] !== undefined,
    )
    .filter(({ group }) => groups[group!] !== PARTS)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const things = new Map<string, Thing>();
  for (const { label, hexcode, group, subgroup, skins = [] } of sorted) {
    const add = (hexcode: string, label: string, skinTone: boolean) => {
      const key = keyOf(hexcode);
      things.set(key, { key, label, group: groups[group!]!, subgroup: subgroups[subgroup!]!, skinTone });
    };
    add(hexcode, label, false);
    for (const skin of skins) add(skin.hexcode, skin.label, true);
  }
  const named = (names: Record<string, string>, of: "group" | "subgroup") => {
    const used = new Set([...things.values()].map((thing) => thing[of]));
    return Object.values(names).filter((name) => used.has(name));
  };
  return {
    ...{ things, groups: named(groups, "group"), subgroups: named(subgroups, "subgroup") },
    characterNames: Object.fromEntries(
      Object.entries(characters).map(([hexcode, name]) => [keyOf(hexcode), name]),
    ),
  };
}

const PACKAGE = "emojibase-data";

/** The group of skin tones and hair styles. */
const PARTS = "component";

const groupsSchema = z.object({
  groups: z.record(z.string(), z.string()),
  subgroups: z.record(z.string(), z.string()),
});

const hexcode = z.string().regex(/^[0-9A-F]+(-[0-9A-F]+)*$/i);

const entriesSchema = z.array(
  z.object({
    ...{ label: z.string(), hexcode },
    ...{ group: z.int().optional(), subgroup: z.int().optional(), order: z.int().optional() },
    skins: z.array(z.object({ label: z.string(), hexcode })).optional(),
  }),
);
