/** Text in the machine's own fonts, by sharp's librsvg and Pango, which shape and order the letters of every script. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";

/** One line of text on a canvas. */
export interface SystemText {
  text: string;
  /** Of the upper left corner, in pixels. */
  x: number;
  y: number;
  /** Red, green, blue. */
  color: readonly [number, number, number];
}

/** The characters among `characters` that no font of this machine has. Each is looked for once in a process. */
export async function charactersWithoutFont(characters: Iterable<string>): Promise<Set<string>> {
  const all = [...new Set(characters)];
  if (!hasFonts()) return new Set(all);
  const unknown = all.filter((character) => !known.has(character) && !UNPRINTABLE.test(character));
  if (unknown.length > 0) {
    const size = 24;
    // Pango draws a box with the code for a character that no font has: of two widths, here for unassigned codes.
    const probes = ["\u0378", "\u{5fff0}", "i", "W"];
    const [small, large, narrow, wide, ...inks] = await inksOf([...probes, ...unknown], size, 3 * size);
    // Without any font, boxes are anywhere, and of one width.
    const isFont = isWhole(narrow!) && isWhole(wide!) && widthOf(wide!) > 1.5 * widthOf(narrow!);
    for (const [i, character] of unknown.entries()) {
      const ink = inks[i]!;
      known.set(character, isFont && isWhole(ink) && !isLike(ink, small!) && !isLike(ink, large!));
    }
  }
  return new Set(all.filter((character) => !known.get(character)));
}

/** The widths of `texts`, each on one line at `size` pixels, in pixels. */
export async function systemWidths(texts: Iterable<string>, size: number): Promise<Map<string, number>> {
  const all = [...new Set(texts)];
  const unknown = all.filter((text) => !widths.has(`${size} ${text}`));
  if (unknown.length > 0) {
    const longest = Math.max(...unknown.map((text) => text.length));
    // What is behind a text begins where the text's own space ends, also in scripts from right to left.
    const [mark, ...inks] = await inksOf(
      ["", ...unknown].map((text) => `${text}|`),
      size,
      Math.ceil((longest + 3) * 1.5 * size),
    );
    for (const [i, text] of unknown.entries())
      widths.set(`${size} ${text}`, Math.max(0, rightOf(inks[i]!) - rightOf(mark!)));
  }
  return new Map(all.map((text) => [text, widths.get(`${size} ${text}`)!]));
}

/** Widths that were measured: samples during training have the same captions again and again. */
const widths = new Map<string, number>();

/** Draws lines of `size` pixels on a canvas, [height, width, 3] bytes; parts outside of it are clipped. */
export async function drawSystemTexts(
  canvas: { pixels: Buffer; width: number; height: number },
  lines: readonly SystemText[],
  size: number,
): Promise<void> {
  const { pixels, width, height } = canvas;
  for (let top = 0; top < height; top += BAND) {
    const rows = Math.min(BAND, height - top);
    const inBand = lines.filter(({ y }) => y + 2 * size > top && y - size < top + rows);
    if (inBand.length === 0) continue;
    const texts = inBand.map(({ text, x, y, color }) => {
      const direction = isRightToLeft(text) ? ' direction="rtl" text-anchor="end"' : "";
      const attributes = `fill="rgb(${color})" xml:lang="${languageOf(text)}"${direction}`;
      return `<text x="${x}" y="${y - top + 0.8 * size}" ${attributes}>${escaped(text)}</text>`;
    });
    const layer = await rendered(texts.join(""), size, width, rows);
    for (let i = 0; i < width * rows; i++) {
      const alpha = layer[4 * i + 3]! / 255;
      if (alpha === 0) continue;
      for (let channel = 0; channel < 3; channel++) {
        const at = 3 * (top * width + i) + channel;
        pixels[at] = Math.round(alpha * layer[4 * i + channel]! + (1 - alpha) * pixels[at]!);
      }
    }
  }
}

/** Rows of a canvas that are drawn at once. An SVG image has at most 32,767. */
const BAND = 4096;

/** Characters that are no text, and that an SVG file may not contain. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Cn}\p{Co}]/u;

/** Whether a character can be drawn. */
const known = new Map<string, boolean>();

/** Whether there can be fonts: on Linux, whether a folder for them exists. Fontconfig complains of a machine without. */
function hasFonts(): boolean {
  if (process.platform !== "linux") return true;
  if (process.env.FONTCONFIG_FILE || process.env.FONTCONFIG_PATH) return true;
  const own = [".fonts", ".local/share/fonts"].map((folder) => join(homedir(), folder));
  return ["/etc/fonts", "/usr/share/fonts", "/usr/local/share/fonts", ...own].some(existsSync);
}

/** The pixels of a text that are not transparent. */
interface Ink {
  /** Opacity of the text's cell, [height, width]. */
  cell: Uint8Array;
  width: number;
  height: number;
  /** The first and the last column and row with ink; an empty range if there is none. */
  columns: readonly [number, number];
  rows: readonly [number, number];
}

/** Renders each text in a cell of its own, `width` pixels wide and three lines high. */
async function inksOf(texts: readonly string[], size: number, width: number): Promise<Ink[]> {
  const height = 3 * size;
  const columns = Math.max(1, Math.floor(2048 / width));
  const inks: Ink[] = [];
  const atOnce = columns * 32;
  for (let first = 0; first < texts.length; first += atOnce) {
    const part = texts.slice(first, first + atOnce);
    const cells = part.map((text, i) => {
      const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
      return (
        `<svg x="${x}" y="${y}" width="${width}" height="${height}" overflow="hidden">` +
        `<text x="${size}" y="${1.8 * size}">${escaped(text)}</text></svg>`
      );
    });
    const sheetWidth = columns * width;
    const layer = await rendered(cells.join(""), size, sheetWidth, Math.ceil(part.length / columns) * height);
    for (const i of part.keys()) {
      const corner = Math.floor(i / columns) * height * sheetWidth + (i % columns) * width;
      const cell = Uint8Array.from(
        { length: width * height },
        (_, at) => layer[4 * (corner + Math.floor(at / width) * sheetWidth + (at % width)) + 3]!,
      );
      inks.push(inkIn(cell, width, height));
    }
  }
  return inks;
}

function inkIn(cell: Uint8Array, width: number, height: number): Ink {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (const [at, alpha] of cell.entries()) {
    if (alpha === 0) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  return { cell, width, height, columns: [left, right], rows: [top, bottom] };
}

function rightOf({ columns }: Ink): number {
  return columns[1];
}

function widthOf({ columns: [left, right] }: Ink): number {
  return right - left + 1;
}

/** Whether there is ink and all of it is in its cell. Fonts of bitmaps that cannot be scaled are larger. */
function isWhole({ width, height, columns: [left, right], rows: [top, bottom] }: Ink): boolean {
  return left <= right && left > 0 && top > 0 && right < width - 1 && bottom < height - 1;
}

/** Whether `ink` has the extent and the frame of `box`. The digits in a box touch its frame at a few places. */
function isLike(ink: Ink, box: Ink): boolean {
  const { width, columns, rows } = box;
  if (String([ink.columns, ink.rows]) !== String([columns, rows])) return false;
  let [same, all] = [0, 0];
  for (let y = rows[0]; y <= rows[1]; y++)
    for (let x = columns[0]; x <= columns[1]; x++) {
      if (!rows.includes(y) && !columns.includes(x)) continue;
      all++;
      if (Math.abs(ink.cell[y * width + x]! - box.cell[y * width + x]!) < 32) same++;
    }
  return same > 0.7 * all;
}

/** RGBA, [height, width, 4]. */
async function rendered(content: string, size: number, width: number, height: number): Promise<Buffer> {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-size="${size}" ` +
    `font-family="sans-serif" xml:space="preserve">${content}</svg>`;
  return sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer();
}

/** Whether the first letter is of a script that is written from right to left. */
function isRightToLeft(text: string): boolean {
  const letter = /\p{L}/u.exec(text)?.[0] ?? "";
  return /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(letter);
}

/** The language whose forms of Chinese characters are used. */
function languageOf(text: string): string {
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return "ja";
  return /\p{Script=Hangul}/u.test(text) ? "ko" : "zh";
}

/** As the text of an SVG element. Emoji are asked for in one colour, since librsvg cannot draw those of colour fonts. */
function escaped(text: string): string {
  const inOneColor = text
    .replaceAll("\ufe0f", "\ufe0e")
    .replace(/\p{Emoji_Presentation}(?![\u200d\ufe0e\p{Emoji_Modifier}])/gu, "$&\ufe0e");
  return inOneColor.replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]!);
}
