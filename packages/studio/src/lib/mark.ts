/** Which parts of a prompt the model does not know. */
import type { Ignored } from "../engine/engine.js";

export interface Part {
  text: string;
  /** Why the model ignores it; undefined if it does not. */
  ignored?: "unknown" | "lost";
}

/**
 * A prompt in parts, which together are the prompt. Words are compared as the tokenizers compare them: after NFKC, in
 * lower case.
 */
export function marked(prompt: string, { unknown, lost }: Pick<Ignored, "unknown" | "lost">): Part[] {
  const parts: Part[] = [];
  const add = (text: string, ignored?: Part["ignored"]) => {
    const last = parts.at(-1);
    if (last && last.ignored === ignored) last.text += text;
    else if (text !== "") parts.push(ignored ? { text, ignored } : { text });
  };
  const [unknownWords, lostWords] = [new Set(unknown.map(folded)), new Set(lost.map(folded))];
  let end = 0;
  for (const match of prompt.matchAll(WORD)) {
    add(prompt.slice(end, match.index));
    end = match.index + match[0].length;
    const word = folded(match[0]);
    if (lostWords.has(word)) add(match[0], "lost");
    else if (unknownWords.has(word)) add(match[0], "unknown");
    else addCharacters(match[0]);
  }
  add(prompt.slice(end));
  return parts;

  // Scripts without spaces have a token for each character.
  function addCharacters(word: string): void {
    for (const character of word.match(CHARACTER) ?? [])
      add(character, UNSPACED.test(character) && unknownWords.has(folded(character)) ? "unknown" : undefined);
  }
}

const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}]|['’ʼ](?=[\p{L}\p{N}]))*/gu;
const CHARACTER = /.\p{M}*/gsu;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

function folded(word: string): string {
  return word.normalize("NFKC").toLowerCase().normalize("NFKC").replace(/[’ʼ]/g, "'");
}
