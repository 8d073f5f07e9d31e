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

const ASCII_OF_WORDS = /[a-z0-9_]/;
const WORD = /[\p{L}\p{N}_]+/gu;
const NOT_ASCII = /\P{ASCII}+/gu;
