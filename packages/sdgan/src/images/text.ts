import { type Glyph, glyphHeight, glyphs } from "./font.js";

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
  const widths = glyphsOf(text).map((glyph) => glyph[0]!.length + spacing);
  return Math.max(0, widths.reduce((sum, width) => sum + width, 0) - spacing) * scale;
}

/** Draws one line with its upper left corner at `x`, `y`. Parts outside of the canvas are clipped. */
export function drawText(
  canvas: Canvas,
  text: string,
  x: number,
  y: number,
  scale: number,
  color: Color,
): void {
  for (const glyph of glyphsOf(text)) {
    const pixels = enlarged(glyph, scale);
    for (const [row, line] of pixels.entries())
      for (const [column, inked] of line.entries()) if (inked) setPixel(canvas, x + column, y + row, color);
    x += (glyph[0]!.length + spacing) * scale;
  }
}

/**
 * Wraps `text` into lines of at most `width` pixels, at spaces or within words that are too wide. Text that
 * does not fit into `maxLines` lines is cut off and replaced by "...".
 */
export function wrapText(text: string, width: number, maxLines: number, scale: number): string[] {
  const fits = (line: string) => textWidth(line, scale) <= width;
  const lines: string[] = [];
  let rest = toAscii(text).trim().replace(/\s+/g, " ");
  while (rest !== "" && lines.length < maxLines) {
    const line = fits(rest) ? rest : firstLine(rest, fits);
    rest = rest.slice(line.length).trimStart();
    lines.push(line.trimEnd());
  }
  if (rest !== "") lines.push(ellipsized(lines.pop() ?? "", fits));
  return lines;
}

/** Blank columns between glyphs. */
const spacing = 1;

/** The longest prefix of `text` that fits, ending before a space if possible; at least one character. */
function firstLine(text: string, fits: (line: string) => boolean): string {
  let end = 1;
  while (end < text.length && fits(text.slice(0, end + 1))) end++;
  const space = text.lastIndexOf(" ", end);
  return text.slice(0, space > 0 ? space : end);
}

function ellipsized(line: string, fits: (line: string) => boolean): string {
  while (line !== "" && !fits(`${line}...`)) line = line.slice(0, -1);
  return fits(`${line.trimEnd()}...`) ? `${line.trimEnd()}...` : line;
}

const typography: Record<string, string> = {
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
  "–": "-",
  "—": "-",
  ß: "ss",
};

/** Converts `text` to the font's characters: letters without accents, plain quotes, "?" for all others. */
function toAscii(text: string): string {
  return [...text.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "")]
    .map((character) => typography[character] ?? character)
    .map((character) => (/\s/.test(character) ? " " : /^[ -~]+$/.test(character) ? character : "?"))
    .join("");
}

function glyphsOf(text: string): Glyph[] {
  return [...toAscii(text)].map((character) => glyphs.get(character)!);
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
