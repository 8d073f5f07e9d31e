import { nearest, UserError } from "@sdgan/core";
import { z } from "zod";
import { keyOfText } from "./code-points.js";
import type { PackageFiles } from "./package-files.js";

/** What a language calls an emoji. */
export interface Words {
  name?: string | undefined;
  keywords?: string[] | undefined;
}

/**
 * The words of a language by the emoji's key, from Unicode's CLDR. What a variant such as en-GB or es-MX does not say
 * itself is that of the language it is a variant of. Throws a `UserError` for a language that CLDR lacks, or for a broken file.
 */
export function readWords(files: PackageFiles, language: string): ReadonlyMap<string, Words> {
  const merged = new Map<string, Words>();
  const own = languageOf(files, language);
  for (const one of [...ancestors(own), own])
    for (const [key, words] of ownWords(files, one)) merged.set(key, { ...merged.get(key), ...words });
  return merged;
}

/** The name of a language as CLDR writes it: "zh-hant" gives "zh-Hant". */
export function languageOf(files: PackageFiles, language: string): string {
  const all = files.list(SINGLE.package, SINGLE.root).filter((one) => one !== "und");
  const found = all.find((one) => one.toLowerCase() === language.toLowerCase().replaceAll("_", "-"));
  if (found !== undefined) return found;
  const guess = nearest(language, all);
  throw new UserError(
    `--languages: CLDR has no words in ${JSON.stringify(language)}${guess === undefined ? "" : `; the nearest is ${guess}`}. ` +
      `Expected codes among ${all.join(", ")}`,
    { code: "usage" },
  );
}

/**
 * The languages whose words a variant falls back to, the most general first. Only a region is left out: another script,
 * as in zh-Hant, has other words.
 */
function ancestors(language: string): string[] {
  const parent = PARENTS[language] ?? /^(.+)-(?:[A-Z]{2}|\d{3}|[a-z]{5,8}|)$/.exec(language)?.[1];
  if (parent === undefined) return [];
  return [...ancestors(parent), parent];
}

/** From CLDR's list of parent locales, for the languages that have emoji's words. */
const PARENTS: Readonly<Record<string, string>> = {
  ...{ "en-AU": "en-001", "en-GB": "en-001", "en-IN": "en-001", "es-MX": "es-419", "es-US": "es-419" },
  ...{ "ca-ES-valencia": "ca", "sr-Cyrl-BA": "sr", "sr-Cyrl": "sr" },
};

function* ownWords(files: PackageFiles, language: string): Generator<[key: string, words: Words]> {
  for (const { package: name, root } of [SINGLE, DERIVED]) {
    const file = `${root}/${language}/annotations.json`;
    if (!files.has(name, file)) continue;
    const { annotations = {} } = files.json(name, file, schemaOf(root));
    for (const [text, { tts, default: keywords }] of Object.entries(annotations))
      yield [keyOfText(text), { ...(tts?.[0] && { name: tts[0] }), ...(keywords?.length && { keywords }) }];
  }
}

/** Single characters and the usual sequences. */
const SINGLE = { package: "cldr-annotations-full", root: "annotations" };
/** What follows from the parts: flags, skin tones, keycaps. */
const DERIVED = { package: "cldr-annotations-derived-full", root: "annotationsDerived" };

const annotation = z.object({
  tts: z.array(z.string()).optional(),
  default: z.array(z.string()).optional(),
});

function schemaOf(root: string) {
  const content = z.object({ annotations: z.record(z.string(), annotation).optional() });
  return z.object({ [root]: content }).transform((file) => file[root]!);
}
