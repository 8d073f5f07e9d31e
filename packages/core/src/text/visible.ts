/**
 * `text` with everything that would move the cursor, break the line or turn the reading direction written out
 * (`\n`, `\x1b`, `\u202e`): a message that quotes what a user gave stays one line, and says what is there.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, escaped);
}

const short: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return (
    short[character] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`)
  );
}
