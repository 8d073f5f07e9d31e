/** Glyphs of Latin letters with accents, composed of a letter of the bitmap font and marks. */
import { type Glyph, glyphHeight, glyphs } from "./font.js";

/**
 * The glyph of a character in composed form (NFC), or undefined if the bitmap font cannot show it. A glyph with more
 * than `glyphHeight` rows begins that many rows higher.
 */
export function glyphOf(character: string): Glyph | undefined {
  const own = glyphs.get(character) ?? composed.get(character);
  if (own) return own;
  const [base, ...marks] = character.normalize("NFD");
  const letter = glyphs.get(base!);
  if (!letter || base === " " || marks.length === 0) return undefined;
  const glyph = compose(base!, letter, marks);
  if (glyph) composed.set(character, glyph);
  return glyph;
}

const composed = new Map<string, Glyph>();

/** Marks above a letter, two rows each. */
const above = new Map<string, Glyph>(
  Object.entries({
    "\u0300": ["#.", ".#"], // grave
    "\u0301": [".#", "#."], // acute
    "\u0302": [".#.", "#.#"], // circumflex
    "\u0303": [".#.#", "#.#."], // tilde
    "\u0304": ["###", "..."], // macron
    "\u0306": ["#..#", ".##."], // breve
    "\u0307": ["#", "."], // dot
    "\u0308": ["#.#", "..."], // diaeresis
    "\u0309": ["##", ".#"], // hook
    "\u030a": ["##", "##"], // ring
    "\u030b": [".#..#", "#..#."], // double acute
    "\u030c": ["#.#", ".#."], // caron
  }).map(([mark, rows]) => [mark, parsed(rows)]),
);

/** Marks below a letter, in its two lowest rows. */
const below = new Map<string, Glyph>(
  Object.entries({
    "\u0323": [".", "#"], // dot
    "\u0326": [".#", "#."], // comma
    "\u0327": [".#", "#."], // cedilla
    "\u0328": ["#.", ".#"], // ogonek
    "\u0331": ["...", "###"], // macron
  }).map(([mark, rows]) => [mark, parsed(rows)]),
);

/** Joins the letter's right side: ơ and ư. */
const horn = "\u031b";

/** Undefined for a mark that is not in the lists above. */
function compose(base: string, letter: Glyph, marks: readonly string[]): Glyph | undefined {
  let rows: Glyph = [...blankRows(overhang, letter[0]!.length), ...letter];
  const dotless = { i: "ı", j: "ȷ" }[base];
  let inAccents: Glyph | undefined;
  for (const mark of marks) {
    const lower = below.get(mark);
    const upper = above.get(mark);
    if (mark === horn) rows = withHorn(rows);
    else if (upper) inAccents = inAccents ? beside(inAccents, upper) : upper;
    // A letter with a descender, such as ģ, has its cedilla above.
    else if (lower && letter.slice(7).flat().some(Boolean)) inAccents = lower;
    else if (lower) rows = overlaid(rows, lower, overhang + glyphHeight - 2);
    else return undefined;
  }
  if (!inAccents) return rows;
  if (dotless) rows = [...blankRows(overhang, glyphs.get(dotless)![0]!.length), ...glyphs.get(dotless)!];
  // Directly above a capital, and one row above a small letter.
  return overlaid(rows, inAccents, Math.max(0, firstInked(rows) - 3));
}

/** Rows that accents of capitals take above the glyph: the space between two lines. */
const overhang = 2;

/** `glyph` with `mark` centred on it from row `top` on. */
function overlaid(glyph: Glyph, mark: Glyph, top: number): Glyph {
  const width = Math.max(glyph[0]!.length, mark[0]!.length);
  const indent = (inner: Glyph) => Math.floor((width - inner[0]!.length) / 2);
  const [own, marked] = [indent(glyph), indent(mark)];
  return glyph.map((row, y) =>
    Array.from({ length: width }, (_, x) => Boolean(row[x - own] || mark[y - top]?.[x - marked])),
  );
}

function beside(left: Glyph, right: Glyph): Glyph {
  return left.map((row, y) => [...row, ...right[y]!]);
}

function withHorn(glyph: Glyph): Glyph {
  const top = firstInked(glyph);
  return glyph.map((row, y) => [...row, y === top || y === top - 1]);
}

function firstInked(glyph: Glyph): number {
  return glyph.findIndex((row) => row.some(Boolean));
}

function blankRows(count: number, width: number): Glyph {
  return Array.from({ length: count }, () => new Array<boolean>(width).fill(false));
}

function parsed(rows: readonly string[]): Glyph {
  return rows.map((row) => [...row].map((pixel) => pixel === "#"));
}
