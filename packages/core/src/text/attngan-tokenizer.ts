/**
 * The words of a caption as in AttnGAN's data set (`load_captions`): lower case, runs of Python's `\w`
 * (letters and numbers of any script, and `_`), then ASCII only: "café" gives "caf", "don't" gives "don" and "t",
 * and a word without any ASCII character is dropped. The replacement character (`�`) separates words like a space.
 */
export function tokenizeAttngan(text: string): string[] {
  const tokens: string[] = [];
  for (const [run] of text.toLowerCase().matchAll(WORD)) {
    const token = run.replace(NOT_ASCII, "");
    if (token !== "") tokens.push(token);
  }
  return tokens;
}

/** Whether `tokenizeAttngan` finds any word. */
export function hasAttnganWords(text: string): boolean {
  return ASCII_OF_WORDS.test(text.toLowerCase());
}

/**
 * The words of `text`, in lower case and each once, of which `tokenizeAttngan` drops something: a letter or digit that is
 * not ASCII, or a mark. All of a word may be dropped ("赤い鳥"), or part of it ("café").
 */
export function wordsLostByAttngan(text: string): string[] {
  const words = text.toLowerCase().replace(EMOJI_MARK, "").match(WORD_WITH_MARKS) ?? [];
  return [...new Set(words.filter((word) => ONE_NOT_ASCII.test(word)))];
}

const ASCII_OF_WORDS = /[a-z0-9_]/;
const WORD = /[\p{L}\p{N}_]+/gu;
const NOT_ASCII = /\P{ASCII}+/gu;
const WORD_WITH_MARKS = /[\p{L}\p{N}_][\p{L}\p{N}\p{M}_]*/gu;
const ONE_NOT_ASCII = /\P{ASCII}/u;
/** Variation selectors and the keycap, which follow digits in emoji. */
const EMOJI_MARK = /[\ufe00-\ufe0f\u20e3]/g;
