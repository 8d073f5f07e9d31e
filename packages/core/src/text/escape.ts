/** Escapes text from outside for messages: one line, without characters that control a terminal or are invisible. */

/**
 * `text` with escapes for characters that would move the cursor, break the line, change the reading direction or
 * show nothing: `\n`, `\x1b`, `\u202e`. Letters of every script and emoji are not changed.
 */
export function visible(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** `text` in quotation marks, at most `limit` characters of it, escaped as by `visible`. */
export function quote(text: string, limit = 60): string {
  // Twice `limit` code units have at least `limit` characters, so a long text need not be split completely.
  const characters = [...text.slice(0, 2 * limit + 2)];
  const shown = visible(characters.slice(0, limit).join(""));
  return characters.length > limit ? `"${shown}…"` : `"${shown}"`;
}

/**
 * Control characters, half surrogates, line and paragraph separators, direction marks, characters of no width and
 * tags. Not U+200C and U+200D, which Persian, Indic scripts and emoji need.
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
