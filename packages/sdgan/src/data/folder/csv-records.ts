/** A row of a table. */
export interface CsvRecord {
  cells: string[];
  /** The line on which it begins, from 1. */
  line: number;
}

/**
 * Splits a table into rows and cells as in RFC 4180, with any separator and any line ends. Spaces around cells
 * and rows without any text are dropped. A quotation mark inside a cell is a part of it, and so are those of
 * a cell that continues after its closing mark: `"Stop" says a sign`. Throws a `CsvProblem` for a mark that
 * does not close within the table or within 2²⁰ characters, unless `quotes` is false: then all are text.
 */
export function csvRecords(text: string, { separator, quotes }: CsvOptions): CsvRecord[] {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let line = 1;
  let begin = 1;
  for (let at = 0; at < text.length; ) {
    const start = skipSpaces(text, at, separator);
    let end = -1;
    let cell = "";
    if (quotes && text[start] === '"') {
      const quoted = quotedCell(text, start, separator);
      if (quoted === undefined) throw new CsvProblem(`a quotation mark on line ${line} is not closed`);
      ({ end, cell } = quoted);
      line += lineEnds(text, start, end);
    }
    if (end < 0) {
      end = cellEnd(text, start, separator);
      cell = text.slice(start, end).trim();
    }
    cells.push(cell);
    if (text[end] === separator) {
      at = end + 1;
      if (at < text.length) continue;
      cells.push("");
    }
    if (cells.length > 1 || cell !== "") records.push({ cells, line: begin });
    cells = [];
    at = Math.max(at, text.startsWith("\r\n", end) ? end + 2 : end + 1);
    begin = ++line;
  }
  return records;
}

export interface CsvOptions {
  /** One character. */
  separator: string;
  /** Whether cells may stand in quotation marks. */
  quotes: boolean;
}

export class CsvProblem extends Error {
  override name = "CsvProblem";
}

/** The cell that begins with the mark at `start`, and where it ends; `end` is −1 if it continues after its closing mark. */
function quotedCell(
  text: string,
  start: number,
  separator: string,
): { cell: string; end: number } | undefined {
  let close = text.indexOf('"', start + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  if (close < 0 || close - start > CELL_CHARACTERS) return undefined;
  const end = skipSpaces(text, close + 1, separator);
  const closes = end >= text.length || text[end] === separator || text[end] === "\n" || text[end] === "\r";
  const cell = text.slice(start + 1, close).replaceAll('""', '"');
  // A text that continues on the same line is no quoted cell. Over several lines, it is one that lacks its end.
  if (closes) return { cell, end };
  return /[\r\n]/.test(cell) ? undefined : { cell: "", end: -1 };
}

/** Limits the size of a cell, so that an unclosed quotation mark does not consume a large file. */
const CELL_CHARACTERS = 2 ** 20;

function skipSpaces(text: string, from: number, separator: string): number {
  let at = from;
  while (text[at] !== separator && (text[at] === " " || text[at] === "\t" || text[at] === "\ufeff")) at++;
  return at;
}

function cellEnd(text: string, from: number, separator: string): number {
  let at = from;
  for (; at < text.length; at++) {
    const character = text[at];
    if (character === separator || character === "\n" || character === "\r") break;
  }
  return at;
}

/** The number of line ends from `start` to `end`. */
function lineEnds(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    if (text[at] === "\n" || (text[at] === "\r" && text[at + 1] !== "\n")) count++;
  }
  return count;
}
