/**
 * The words of a caption in any language: after NFKC and in lower case by Unicode's rules, runs of letters, marks,
 * digits and apostrophes between two of these. "café", "красное", "लाल" and "don't" are words; "black-headed" and
 * "a_b" are two each; punctuation and emoji are no words. So a text of emoji alone has no word, except those that NFKC
 * turns into letters or digits: "ℹ" is "i".
 *
 * - Numbers of every kind count as digits: "2nd", "٤٢", "४२".
 * - Typographic apostrophes (’ and ʼ) become "'". One at a word's edge is left out: "'tis" gives "tis".
 * - Invisible characters (soft hyphen, joiners, direction marks, variation selectors) are removed first:
 *   the word is the same with and without them.
 * - Scripts that put no spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar) give a token for each character
 *   with its marks and, in Khmer and Myanmar, the consonants stacked under it. A dictionary (`Intl.Segmenter`)
 *   would find words, but dictionaries differ from engine to engine.
 *
 * Results are the same in every engine whose Unicode version knows the text's characters. Those scripts, the removed
 * characters and the apostrophes are listed here by code point. Only letters, marks, digits and lower case come from
 * the engine's Unicode data.
 */
export function tokenizeUnicode(text: string): string[] {
  if (ASCII.test(text)) return text.toLowerCase().match(ASCII_WORD) ?? [];
  return normalized(text).match(TOKEN) ?? [];
}

/** Whether `tokenizeUnicode` finds any word. */
export function hasUnicodeWords(text: string): boolean {
  return FIRST.test(normalized(text));
}

/** Lower case can bring marks out of NFKC's order ("İ" has two characters in lower case), hence NFKC twice. */
function normalized(text: string): string {
  const folded = text.replace(INVISIBLE, "").normalize("NFKC").toLowerCase().normalize("NFKC");
  return folded.replace(APOSTROPHE, "'");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/;
const ASCII_WORD = /[a-z0-9]+(?:'[a-z0-9]+)*/g;

const APOSTROPHE = /[\u2019\u02bc]/g;

/** Unicode's Default_Ignorable_Code_Point without U+200B, the zero-width space, which separates words. */
const INVISIBLE = new RegExp(
  `[${[
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f",
    "\\u200c-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164",
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8",
    "\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}",
  ].join("")}]`,
  "gu",
);

/** Letters of scripts without spaces; their digits form words like those of other scripts. */
const UNSPACED = `[${[
  "\\u3005-\\u3007\\u3021-\\u3029\\u3038-\\u303c\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}", // Han
  "\\u3041-\\u3096\\u309d-\\u309f\\u30a1-\\u30fa\\u30fc-\\u30ff\\u31f0-\\u31ff\\u{1aff0}-\\u{1afff}\\u{1b000}-\\u{1b16f}", // kana
  "\\u0e01-\\u0e30\\u0e32\\u0e40-\\u0e46", // Thai
  "\\u0e81-\\u0eb0\\u0eb2\\u0ebd\\u0ec0-\\u0ec6\\u0edc-\\u0edf", // Lao
  "\\u1780-\\u17b3\\u17d7\\u17dc", // Khmer
  "\\u1000-\\u102a\\u103f\\u1050-\\u1055\\u105a-\\u105d\\u1061\\u1065\\u1066\\u106e-\\u1070\\u1075-\\u1081\\u108e", // Myanmar
  "\\ua9e0-\\ua9e4\\ua9e6-\\ua9ef\\ua9fa-\\ua9fe\\uaa60-\\uaa76\\uaa7a\\uaa7e\\uaa7f", // Myanmar, extended
].join("")}]`;

/** Not the enclosing marks of keycap emoji. */
const MARK = "[\\p{Mn}\\p{Mc}]";
/** U+17D2 and U+1039 stack the next consonant under the previous one. */
const CLUSTER = `${UNSPACED}(?:[\\u17d2\\u1039]${UNSPACED}|${MARK})*`;
const LETTER = `(?!${UNSPACED})[\\p{L}\\p{N}]`;
const RUN = `${LETTER}(?:${LETTER}|${MARK})*`;

const TOKEN = new RegExp(`${CLUSTER}|${RUN}(?:'${RUN})*`, "gu");
const FIRST = new RegExp(`${UNSPACED}|[\\p{L}\\p{N}]`, "u");
