import { readTexts, withTexts } from "@sdgan/core";
import sharp from "sharp";
import { fontAdvice } from "./font-advice.js";
import { Lettering, type Line, type PlacedLine } from "./lettering.js";
import { type Canvas, type Color, lineHeight } from "./text.js";

/** One image of a grid: [size, size, 3] bytes. */
export interface GridImage {
  pixels: Uint8Array;
  size: number;
  /** Text below the image, at most four lines. */
  caption?: string;
}

export interface GridOptions {
  title?: string | undefined;
  /** Texts above the columns: "16", "32", "real". */
  columnTitles?: readonly string[];
  /** Texts to the left of the rows, cut to the height of an image. */
  rowCaptions?: readonly string[];
  /** Enlargement of the largest image; by default, to at least 128 pixels. The others get the same side. */
  scale?: number;
  /**
   * Called if no font has some characters, once in a process for each package of fonts: `shows "?" for 笑 …`, to be put
   * after the name of the image.
   */
  onMissingFont?: ((advice: string) => void) | undefined;
}

/**
 * Renders rows of images with labels as one PNG. An `undefined` image leaves its cell empty; rows may have
 * different lengths. Images are enlarged by whole factors, so their pixels keep their values. The PNG's text
 * chunk `Places` contains the position of each image: `readImagePositions` reads it.
 */
export async function grid(
  rows: readonly (readonly (GridImage | undefined)[])[],
  options: GridOptions = {},
): Promise<Buffer> {
  const { title, columnTitles = [], rowCaptions = [], onMissingFont } = options;
  const side = sideOf(rows, options);
  const textScale = side >= 96 ? 2 : 1;
  const captions = rows.flat().map((image) => image?.caption ?? "");
  const lettering = await Lettering.of(
    [title ?? "", ...columnTitles, ...rowCaptions, ...captions],
    textScale,
  );
  const layout = layOut(rows, options, { side, textScale, lettering });
  const { width, height } = layout;
  const canvas = { pixels: Buffer.alloc(width * height * 3, paper), width, height };
  await lettering.draw(canvas, layout.lines);
  const places = layout.images.map(
    ({ image, x, y, side }): ImagePosition => ({
      ...drawEnlarged(canvas, image, x, y, side),
      size: image.size,
      ...(image.caption !== undefined && { caption: image.caption }),
    }),
  );
  const advice = onMissingFont && fontAdvice(lettering.missing);
  if (advice !== undefined) onMissingFont?.(advice);
  const png = await sharp(canvas.pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return Buffer.from(withTexts(png, { [placesKeyword]: JSON.stringify(places) }).buffer);
}

/** Position of an image on a sheet, enlarged from its `size` to `side` pixels. */
export interface ImagePosition {
  x: number;
  y: number;
  side: number;
  size: number;
  caption?: string;
}

/** Positions of the images on a sheet made by `grid`, row by row; empty for a PNG without the chunk. */
export function readImagePositions(sheet: Buffer): ImagePosition[] {
  return JSON.parse(readTexts(sheet)[placesKeyword] ?? "[]") as ImagePosition[];
}

const placesKeyword = "Places";

const paper = 255;
const ink: Color = [32, 32, 32];
const paleInk: Color = [110, 110, 110];

interface GridLayout {
  width: number;
  height: number;
  lines: PlacedLine[];
  images: { image: GridImage; x: number; y: number; side: number }[];
}

/** Side of all images, in pixels. */
function sideOf(rows: readonly (readonly (GridImage | undefined)[])[], { scale }: GridOptions): number {
  const largest = Math.max(1, ...rows.flat().map((image) => image?.size ?? 1));
  return largest * (scale ?? Math.ceil(128 / largest));
}

/** Computes the positions of all parts, from top to bottom. */
function layOut(
  rows: readonly (readonly (GridImage | undefined)[])[],
  { title, columnTitles = [], rowCaptions = [] }: GridOptions,
  { side, textScale, lettering }: { side: number; textScale: number; lettering: Lettering },
): GridLayout {
  const columns = Math.max(columnTitles.length, ...rows.map((row) => row.length));
  const line = lineHeight(textScale);
  const gap = 4 * textScale;

  const margin = 2 * gap;
  const left =
    margin + (rowCaptions.length > 0 ? captionColumn(rowCaptions, lettering, textScale) + 2 * gap : 0);
  const xOf = (column: number) => left + column * (side + gap);
  const width = Math.max(
    xOf(columns) - gap + margin,
    title ? 2 * margin + Math.min(lettering.width(title), 160 * textScale) : 0,
  );
  const layout: GridLayout = { width, height: margin, lines: [], images: [] };

  const write = (lines: Line[], x: (width: number) => number, y: number, color: Color) => {
    for (const [i, own] of lines.entries())
      layout.lines.push({ ...own, x: x(own.width), y: y + i * line, color });
  };
  const atMargin = () => margin;
  const inColumn = (column: number) => (width: number) => xOf(column) + Math.floor((side - width) / 2);

  if (title) {
    const texts = lettering.wrap(title, width - 2 * margin, 4);
    write(texts, atMargin, layout.height, ink);
    layout.height += texts.length * line + gap;
  }
  if (columnTitles.length > 0) {
    const titles = columnTitles.map((text) => lettering.wrap(text, side, 2));
    const lines = Math.max(...titles.map((texts) => texts.length));
    for (const [column, texts] of titles.entries())
      write(texts, inColumn(column), layout.height + (lines - texts.length) * line, paleInk);
    layout.height += lines * line + gap / 2;
  }
  for (const [i, row] of rows.entries()) {
    const rowCaption = lettering.wrap(rowCaptions[i] ?? "", left - margin - 2 * gap, Math.floor(side / line));
    const rowCaptionTop = layout.height + Math.max(0, Math.floor((side - rowCaption.length * line) / 2));
    write(rowCaption, atMargin, rowCaptionTop, ink);
    const under = row.map((image) => lettering.wrap(image?.caption ?? "", side, 4));
    for (const [column, image] of row.entries()) {
      if (image) layout.images.push({ image, x: xOf(column), y: layout.height, side });
      write(under[column]!, inColumn(column), layout.height + side + gap / 2, ink);
    }
    const underLines = Math.max(0, ...under.map((texts) => texts.length));
    layout.height += side + (underLines > 0 ? underLines * line + gap : 0) + gap;
  }
  layout.height += margin - gap;
  return layout;
}

/** Width of the row captions: that of the longest one on one line, but at most about thirty letters. */
function captionColumn(captions: readonly string[], lettering: Lettering, textScale: number): number {
  return Math.min(150 * textScale, Math.max(...captions.map((caption) => lettering.width(caption))));
}

/** Draws an image, enlarged by a whole factor, centred in a square of `side` pixels. Returns its position. */
function drawEnlarged(
  canvas: Canvas,
  { pixels, size }: GridImage,
  x: number,
  y: number,
  side: number,
): Pick<ImagePosition, "x" | "y" | "side"> {
  if (pixels.length !== size * size * 3)
    throw new RangeError(
      `an image of ${size}×${size} pixels has ${size * size * 3} bytes; found ${pixels.length}`,
    );
  const factor = Math.max(1, Math.floor(side / size));
  const indent = Math.floor((side - size * factor) / 2);
  for (let row = 0; row < size * factor; row++) {
    const from = Math.floor(row / factor) * size;
    let to = ((y + indent + row) * canvas.width + x + indent) * 3;
    for (let column = 0; column < size * factor; column++, to += 3) {
      const pixel = (from + Math.floor(column / factor)) * 3;
      canvas.pixels[to] = pixels[pixel]!;
      canvas.pixels[to + 1] = pixels[pixel + 1]!;
      canvas.pixels[to + 2] = pixels[pixel + 2]!;
    }
  }
  return { x: x + indent, y: y + indent, side: size * factor };
}
