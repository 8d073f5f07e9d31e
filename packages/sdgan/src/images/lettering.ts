/** The texts of a sheet of images: in the bitmap font, or in the machine's fonts if it lacks a character of a text. */
import { partsOf } from "../util/lists.js";
import { charactersWithoutFont, drawSystemTexts, systemWidths, UNPRINTABLE } from "./system-fonts.js";
import { type Canvas, type Color, charactersWithoutGlyph, drawText, textWidth, wrapText } from "./text.js";
import { type Atom, type Shown, widthOf, wrap } from "./wrap.js";

/** One line of a text. */
export interface Line {
  text: string;
  /** In pixels. */
  width: number;
  /** Drawn in the machine's fonts. */
  inSystemFont: boolean;
}

/** A line whose upper left corner is at `x`, `y`. */
export interface PlacedLine extends Line {
  x: number;
  y: number;
  color: Color;
}

/**
 * Measures, wraps and draws the texts that it was made for. The bitmap font looks the same on every machine. The
 * machine's fonts are loaded when a text needs them for the first time, which takes about a second. Characters that no
 * font has are shown as "?".
 */
export class Lettering {
  /** Characters of the texts that are shown as "?". */
  readonly missing: ReadonlySet<string>;
  readonly #scale: number;
  /** The texts that are drawn in the machine's fonts. */
  readonly #inSystemFont: ReadonlyMap<string, readonly Atom[]>;
  readonly #ellipsis: Shown;

  private constructor(
    scale: number,
    missing: ReadonlySet<string>,
    words: ReadonlyMap<string, readonly string[]>,
    widths: ReadonlyMap<string, number>,
  ) {
    this.#scale = scale;
    this.missing = missing;
    this.#ellipsis = { text: ELLIPSIS, width: widths.get(ELLIPSIS) ?? 0 };
    this.#inSystemFont = new Map(
      [...words].map(([text, own]) => [text, own.flatMap((word) => atomsOf(word, widths))]),
    );
  }

  /** @param scale side of a pixel of the bitmap font, in pixels */
  static async of(texts: readonly string[], scale: number): Promise<Lettering> {
    const foreign = texts
      .map((text) => ({ text, characters: charactersWithoutGlyph(text.slice(0, LONGEST)) }))
      .filter(({ characters }) => characters.length > 0);
    const missing = await charactersWithoutFont(
      foreign.flatMap(({ text, characters }) => [...characters, ...charactersOf(text)]),
    );
    const words = new Map(
      foreign
        .filter(({ characters }) => characters.some((character) => !missing.has(character)))
        .map(({ text }) => [text, wordsOf(readable(text, missing))]),
    );
    const all = [...words.values()].flat();
    const measured = words.size > 0 ? [ELLIPSIS, ...all, ...all.flatMap(charactersIn)] : [];
    const widths = await systemWidths(measured, sizeAt(scale));
    const notShown = foreign.flatMap(({ characters }) => characters).filter((one) => missing.has(one));
    return new Lettering(scale, new Set(notShown), words, widths);
  }

  /** Width of `text` on one line, in pixels. */
  width(text: string): number {
    const atoms = this.#inSystemFont.get(text);
    return atoms ? Math.ceil(widthOf(atoms)) : textWidth(text, this.#scale);
  }

  /** Lines of at most `width` pixels. Text that does not fit into `maxLines` lines is cut off and ends in dots. */
  wrap(text: string, width: number, maxLines: number): Line[] {
    const atoms = this.#inSystemFont.get(text);
    if (!atoms)
      return wrapText(text, width, maxLines, this.#scale).map((line) => ({
        ...{ text: line, width: textWidth(line, this.#scale), inSystemFont: false },
      }));
    return wrap(atoms, width, maxLines, this.#ellipsis).map((line) => ({ ...line, inSystemFont: true }));
  }

  async draw(canvas: Canvas, lines: readonly PlacedLine[]): Promise<void> {
    for (const { text, x, y, color, inSystemFont } of lines)
      if (!inSystemFont) drawText(canvas, text, x, y, this.#scale, color);
    await drawSystemTexts(
      canvas,
      lines.filter(({ inSystemFont }) => inSystemFont),
      sizeAt(this.#scale),
    );
  }
}

/** Of the machine's fonts in pixels. Their small letters are about as high as those of the bitmap font. */
function sizeAt(scale: number): number {
  return 9 * scale;
}

/** No sheet shows more of a text than so many code units. */
const LONGEST = 2000;

const LONGEST_WORD = 40;

/** In code units: more than emoji that are joined from many. A letter may have any number of marks. */
const LONGEST_CHARACTER = 40;

const ELLIPSIS = "…";

/** The characters of `text` that a font must have. */
function charactersOf(text: string): string[] {
  return [
    ...text
      .slice(0, LONGEST)
      .normalize("NFC")
      .replace(/[\p{M}\p{Cf}\s]/gu, ""),
  ];
}

/** `text` with plain spaces, without invisible characters, and with "?" for characters that cannot be shown. */
function readable(text: string, missing: ReadonlySet<string>): string {
  const spaced = text.slice(0, LONGEST).normalize("NFC").trim().replace(/\s+/g, " ");
  const isShown = (character: string) => !missing.has(character) && !UNPRINTABLE.test(character);
  return charactersIn(spaced.replace(/(?![\u200c\u200d])\p{Cf}/gu, ""))
    .map((character) =>
      character.length <= LONGEST_CHARACTER && [...character].every(isShown) ? character : "?",
    )
    .join("");
}

/**
 * Parts of `text` that are kept on one line: words with the punctuation that belongs to them, and spaces. Words of
 * more than `LONGEST_WORD` characters are several.
 */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let opening = "";
  for (const { segment } of WORDS.segment(text)) {
    const isPunctuation = !/[\p{L}\p{N}\p{S}\s]/u.test(segment);
    if (isPunctuation && /^[\p{Ps}\p{Pi}]/u.test(segment)) opening += segment;
    else if (isPunctuation && opening === "" && (words.at(-1) ?? " ") !== " ")
      words.push(words.pop() + segment);
    else {
      words.push(opening + segment);
      opening = "";
    }
  }
  return [...words, opening].flatMap((word) =>
    partsOf(charactersIn(word), LONGEST_WORD).map((part) => part.join("")),
  );
}

/** The characters of a word, with shares of its width: joined letters are narrower than single ones. */
function atomsOf(word: string, widths: ReadonlyMap<string, number>): Atom[] {
  const characters = charactersIn(word);
  const sum = characters.reduce((total, character) => total + widths.get(character)!, 0);
  const share = sum > 0 ? widths.get(word)! / sum : 0;
  return characters.map((text, i) => ({ text, width: share * widths.get(text)!, breaks: i === 0 }));
}

function charactersIn(word: string): string[] {
  return [...CHARACTERS.segment(word)].map(({ segment }) => segment);
}

const WORDS = new Intl.Segmenter("en", { granularity: "word" });
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });
