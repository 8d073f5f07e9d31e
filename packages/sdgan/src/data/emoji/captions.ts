import type { Caption } from "../dataset.js";
import type { Words } from "./words.js";

/**
 * The captions of an image in one language: the emoji's name, in English also with the set's style, and the keywords as
 * a list: "red heart", "glossy red heart", "emotion, heart, love, red".
 */
export function captionsOf({ name, keywords = [] }: Words, language: string, style: string): Caption[] {
  const texts = [
    ...(name === undefined ? [] : [name]),
    ...(name === undefined || !isEnglish(language) ? [] : [`${style} ${name}`]),
    ...(keywords.length === 0 ? [] : [keywords.join(", ")]),
  ];
  return [...new Set(texts)].map((text) => ({ text, language }));
}

function isEnglish(language: string): boolean {
  return /^en(-|$)/.test(language);
}
