import { glyphOf } from "./accents.js";
import { type Glyph, glyphHeight } from "./font.js";
import { type Atom, widthOf, wrap } from "./wrap.js";

/** An image to draw on: [height, width, 3] bytes. */
export interface Canvas {
  pixels: Buffer;
  width: number;
  height: number;
}

/** Red, green, blue. */
export type Color = readonly [number, number, number];

/** Distance between two lines of text, in pixels. */
export function lineHeight(scale: number): number {
  return (glyphHeight + 2) * scale;
}

/** Width of `text` on one line, in pixels. */
export function textWidth(text: string, scale: number): number {
  return Math.max(0, widthOf(atomsOf(text, scale)) - spacing * scale);
}

/**
 * Draws one line with its upper left corner at `x`, `y`; accents of capitals are above. Parts outside of the canvas are
 * clipped.
 */
export function drawText(
  canvas: Canvas,
  text: string,
  x: number,
  y: number,
  scale: number,
  color: Color,
): void {
  for (const character of plain(text)) {
    const glyph = glyphOf(character)!;
    const pixels = enlarged(glyph, scale);
    const top = y - (glyph.length - glyphHeight) * scale;
    for (const [row, line] of pixels.entries())
      for (const [column, inked] of line.entries()) if (inked) setPixel(canvas, x + column, top + row, color);
    x += (glyph[0]!.length + spacing) * scale;
  }
}

/**
 * Wraps `text` into lines of at most `width` pixels, at spaces or within words that are too wide. Text that
 * does not fit into `maxLines` lines is cut off and replaced by "...".
 */
export function wrapText(text: string, width: number, maxLines: number, scale: number): string[] {
  const ellipsis = { text: "...", width: widthOf(atomsOf("...", scale)) };
  return wrap(atomsOf(text, scale), width + spacing * scale, maxLines, ellipsis).map((line) => line.text);
}

/** The characters of `text` that the bitmap font cannot show, not even by a similar one. */
export function charactersWithoutGlyph(text: string): string[] {
  return [...simplified(text)].filter((character) => !glyphOf(character));
}

/** Blank columns between glyphs. */
const spacing = 1;

const similar: Record<string, string> = {
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
  "–": "-",
  "—": "-",
  "×": "x",
  Ð: "Đ",
};

/** `text` in the font's characters: without ligatures and invisible characters, with plain quotes and spaces. */
function simplified(text: string): string {
  return [...text.normalize("NFKC").replace(/[\p{M}\p{Cf}]/gu, "")]
    .map((character) => similar[character] ?? (/\s/.test(character) ? " " : character))
    .join("")
    .replace(/ +/g, " ");
}

/** The same with "?" for all characters that the font does not have. */
function plain(text: string): string {
  return [...simplified(text)].map((character) => (glyphOf(character) ? character : "?")).join("");
}

function atomsOf(text: string, scale: number): Atom[] {
  return [...plain(text)].map((character) => ({
    text: character,
    width: (glyphOf(character)![0]!.length + spacing) * scale,
    breaks: false,
  }));
}

/** Enlarges a glyph by `scale`: with Scale2x for each factor of two, and by repeating pixels for the rest. */
function enlarged(glyph: Glyph, scale: number): Glyph {
  if (scale === 1) return glyph;
  if (scale % 2 === 0) return enlarged(doubled(glyph), scale / 2);
  return glyph.flatMap((row) =>
    new Array<boolean[]>(scale).fill(row.flatMap((pixel) => new Array<boolean>(scale).fill(pixel))),
  );
}

/**
 * Scale2x (A. Mazzoleni, 2001): a corner takes its neighbours' colour if they agree and the others differ.
 */
function doubled(glyph: Glyph): Glyph {
  const at = (row: number, column: number) => glyph[row]?.[column] ?? false;
  return glyph.flatMap((line, row) => {
    const corner = (column: number, down: number, right: number) => {
      const [vertical, horizontal] = [at(row + down, column), at(row, column + right)];
      const others = vertical !== at(row, column - right) && horizontal !== at(row - down, column);
      return vertical === horizontal && others ? vertical : at(row, column);
    };
    return [-1, 1].map((down) =>
      line.flatMap((_, column) => [corner(column, down, -1), corner(column, down, 1)]),
    );
  });
}

function setPixel({ pixels, width, height }: Canvas, x: number, y: number, color: Color): void {
  if (x >= 0 && y >= 0 && x < width && y < height) pixels.set(color, (y * width + x) * 3);
}
