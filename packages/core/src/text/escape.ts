/** Text from outside, in messages for people: one line, with nothing in it that a terminal would obey or hide. */

/**
 * `text` with escapes for characters that would move the cursor, break the line, change the reading direction or
 * show nothing: `\n`, `\x1b`, `\u202e`. Every script and emoji stays as it is.
 */
export function visible(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** `text` in quotation marks, at most `limit` characters of it, escaped as by `visible`. */
export function quote(text: string, limit = 60): string {
  // Twice `limit` code units hold at least `limit` characters: a long text is not taken apart as a whole.
  const characters = [...text.slice(0, 2 * limit + 2)];
  const shown = visible(characters.slice(0, limit).join(""));
  return characters.length > limit ? `"${shown}…"` : `"${shown}"`;
}

/**
 * Control characters, half surrogates, line and paragraph separators, direction marks, characters of no width and
 * tags. Not U+200C and U+200D: Persian, Indic scripts and emoji are written with them.
 */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  if (SHORT[character] !== undefined) return SHORT[character];
  if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
  return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\u{${code}}`;
}
