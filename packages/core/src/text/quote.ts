/**
 * `text` in quotation marks, for messages: at most `limit` characters of it, on one line, with characters that
 * a terminal would obey or hide (control characters, direction marks, half surrogates) shown as escapes.
 */
export function quote(text: string, limit = 60): string {
  // Twice `limit` code units hold at least `limit` characters: a long text is not taken apart as a whole.
  const characters = [...text.slice(0, 2 * limit + 2)];
  const shown = characters.slice(0, limit).join("").replace(UNSAFE, escaped);
  return characters.length > limit ? `"${shown}…"` : `"${shown}"`;
}

/** Everything but U+200D, which joins emoji and hides nothing. */
const UNSAFE = /(?!\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  const simple = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  return simple ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
