import { UserError } from "@sdgan/core";
import type { Example, Source } from "../dataset.js";
import { Remarks } from "../remarks.js";
import { captionsOf } from "./captions.js";
import { hasSkinTone, NamesOfCodePoints } from "./code-points.js";
import { groupFilter } from "./groups.js";
import { type HoldOut, splitsOf } from "./hold-out.js";
import { addNames, type Icon, readIcons } from "./icons.js";
import { licencesOf, versioned } from "./licences.js";
import { PackageFiles } from "./package-files.js";
import { type EmojiSet, emojiSets, packageOf } from "./sets.js";
import { readUnicodeList, type Thing, type UnicodeList } from "./unicode-list.js";
import { languageOf, readWords, type Words } from "./words.js";

export interface EmojiOptions {
  /** `node_modules` folders with the packages (see `npm-packages.ts`). */
  packages: readonly string[];
  /** The sets of images. */
  sets?: readonly EmojiSet[];
  /** CLDR's codes of the languages that captions are in, such as "en" and "zh". */
  languages?: readonly string[];
  /** Unicode's groups or subgroups, or `faces`; all if there are none. */
  groups?: readonly string[];
  /** What is held out for testing. */
  holdOut?: HoldOut;
  /** Whether variants with skin tones are included. */
  skinTones?: boolean;
}

/**
 * Emoji: the same things by several designers, described in many languages. A class is a thing, an image is a thing in
 * one set, captions are names and keywords of Unicode's CLDR. Nothing is downloaded here.
 * Throws a `UserError` when a package is broken, for an unknown language or group, and when nothing is left.
 */
export function emoji({
  packages,
  sets = emojiSets,
  languages = ["en"],
  groups = [],
  holdOut = "renderings",
  skinTones = false,
}: EmojiOptions): Source {
  const files = new PackageFiles(packages);
  const remarks = new Remarks();
  const list = readUnicodeList(files);
  const isWanted = groupFilter(groups, list);
  const codes = [...new Set(languages.map((language) => languageOf(files, language)))];
  const words = codes.map((language) => ({ language, of: readWords(files, language) }));
  const names = namesOf(files, list);
  const images = sets.flatMap((set) => {
    const version = versioned(files, packageOf(set));
    return chooseIcons(readIcons(files, set, names), { set, list, isWanted, skinTones, remarks }).map(
      (icon) => {
        return { set, version, ...icon };
      },
    );
  });
  const order = new Map([...list.things.keys()].map((key, place) => [key, place]));
  images.sort((a, b) => order.get(a.thing.key)! - order.get(b.thing.key)!);
  const byThing = new Map<Thing, typeof images>();
  for (const image of images) byThing.set(image.thing, [...(byThing.get(image.thing) ?? []), image]);
  const classes = [...byThing.keys()].map(({ key, label }) => `${key} ${label}`);
  const examples = [...byThing].flatMap(([thing, renderings], classId): Example[] => {
    const spoken = words.map(({ language, of }) => ({ language, words: of.get(thing.key) ?? {} }));
    noteMissing(thing, spoken, remarks);
    const ids = renderings.map(({ set }) => `${set.name}/${thing.key}`);
    const splits = splitsOf(thing.key, ids, holdOut);
    return renderings.map(({ set, version, icon }, index) => ({
      ...{ id: ids[index]!, split: splits.get(ids[index]!)!, classId },
      captions: spoken.flatMap(({ language, words }) => captionsOf(words, language, set.style)),
      stamp: async () => `${version}, ${icon.name}`,
      read: async () => Buffer.from(icon.svg()),
    }));
  });
  if (examples.length === 0)
    throw new UserError(`emoji: no set has an image of the groups ${groups.join(", ")}. Choose others`, {
      code: "usage",
    });
  const licences = licencesOf(files, sets);
  const variant = {
    ...(codes.join() !== "en" && { languages: codes.join() }),
    ...(groups.length > 0 && { groups: groups.join() }),
    ...(holdOut !== "renderings" && { "hold-out": holdOut }),
    ...(skinTones && { "skin-tones": "" }),
    ...(sets.length > emojiSets.length && { "share-alike": "" }),
  };
  return {
    name: "emoji",
    ...(Object.keys(variant).length > 0 && { variant }),
    found:
      `Emoji: ${examples.length} images of ${classes.length} things in ${sets.length} sets; words of Unicode's CLDR in ` +
      `${codes.join(", ")}; ${HELD_OUT[holdOut]}. Licences: ${[...new Set(licences.map(({ license }) => license))].join(", ")}`,
    count: examples.length,
    classes,
    ...{ licences, remarks, listing: examples },
    async *examples() {
      yield* examples;
    },
  };
}

const HELD_OUT: Record<HoldOut, string> = {
  renderings: "one in ten images is for testing, of things that training sees in other sets",
  things: "one in ten things is for testing, in all sets",
};

/** What the sets without code points call things: names of the other sets first, then Unicode's. */
function namesOf(files: PackageFiles, list: UnicodeList): NamesOfCodePoints {
  const names = new NamesOfCodePoints();
  // Always the same ones, so that adding sets changes no image of the others.
  for (const set of emojiSets)
    if (!set.namesOf && files.hasPackage(packageOf(set))) addNames(files, set, names);
  for (const { key, label } of list.things.values()) names.add(label, key);
  for (const [key, name] of Object.entries(list.characterNames)) names.add(name, key);
  return names;
}

interface Choice {
  set: EmojiSet;
  list: UnicodeList;
  isWanted: (thing: Thing) => boolean;
  skinTones: boolean;
  remarks: Remarks;
}

/** The icons of a set that are used, one for each thing; what else there is becomes remarks. */
function chooseIcons(icons: Iterable<Icon>, { set, list, isWanted, skinTones, remarks }: Choice) {
  const chosen = new Map<string, { thing: Thing; icon: Icon }>();
  for (const icon of icons) {
    const { key } = icon;
    const leaveOut = (kind: string, reason: string) =>
      remarks.unused(`${set.name}/${icon.name}`, reason, kind);
    const thing = list.things.get(key ?? "");
    const why = set.leftOut?.[icon.name];
    if (why !== undefined) leaveOut(`${set.name} image`, why);
    else if (key === undefined) leaveOut(`${set.name} image`, "their names are in no list of emoji");
    else if (hasSkinTone(key) && !skinTones) leaveOut("skin-tone image", "--skin-tones includes them");
    else if (!thing) leaveOut(`${set.name} image`, "they are not in Unicode's list of emoji");
    else if (chosen.has(key)) leaveOut(`${set.name} image`, "the set has another image of the same emoji");
    else if (isWanted(thing)) chosen.set(key, { thing, icon });
  }
  return withoutRepeats(chosen, { set, list, remarks });
}

/**
 * A set may have one image for several things, such as a person and a woman. Only the first in Unicode's order has it:
 * otherwise an image could be for training and for testing.
 */
function withoutRepeats(
  chosen: ReadonlyMap<string, { thing: Thing; icon: Icon }>,
  { set, list, remarks }: Pick<Choice, "set" | "list" | "remarks">,
) {
  const seen = new Set<string>();
  return [...list.things.keys()].flatMap((key) => {
    const one = chosen.get(key);
    if (!one) return [];
    const svg = one.icon.svg();
    if (!seen.has(svg)) {
      seen.add(svg);
      return one;
    }
    remarks.unused(
      `${set.name}/${one.icon.name}`,
      "the set has the same image for another emoji",
      `${set.name} image`,
    );
    return [];
  });
}

function noteMissing(
  { key, label }: Thing,
  spoken: readonly { language: string; words: Words }[],
  remarks: Remarks,
): void {
  for (const { language, words } of spoken)
    if (words.name === undefined) remarks.note(`${key} ${label}`, `has no name in ${language}`);
}
