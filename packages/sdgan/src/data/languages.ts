/** The languages of an image's captions. */
import type { PreparedCaption } from "./format.js";

/** The captions that are in another language than `captions[caption]`, by their indices. */
export function inOtherLanguages(captions: readonly PreparedCaption[], caption: number): number[] {
  const own = languageOf(captions[caption]!);
  if (own === undefined) return [];
  return [...captions.keys()].filter((index) => {
    const other = languageOf(captions[index]!);
    return other !== undefined && other !== own;
  });
}

/** A caption's language without its region, "zh-Hant" of "zh-Hant-HK": "en" and "en-GB" are one language. */
export function languageOf({ language }: PreparedCaption): string | undefined {
  return language && (/^[a-z]+(-[a-z]{4}(?![a-z]))?/i.exec(language)?.[0] ?? language).toLowerCase();
}
