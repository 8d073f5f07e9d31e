import { CsvError, parse } from "csv-parse/sync";

/** A row of a table. */
export interface CsvRecord {
  cells: string[];
  /** The line on which it begins, from 1. */
  line: number;
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

/**
 * Splits a table into rows and cells, with any separator, any line ends and rows of any length. Spaces around
 * cells and rows without any text are dropped. A quotation mark inside a cell is a part of it, and so are those of
 * a cell that continues after its closing mark: `"Stop" says a sign`. Throws a `CsvProblem` for a mark that
 * does not close within the table or within 2²⁰ characters, unless `quotes` is false: then all are text.
 */
export function csvRecords(text: string, { separator, quotes }: CsvOptions): CsvRecord[] {
  try {
    const records = parse(text, {
      ...{ delimiter: separator, quote: quotes ? '"' : null, record_delimiter: ["\r\n", "\n", "\r"] },
      ...{ relax_quotes: true, relax_column_count: true, skip_empty_lines: true, ltrim: separator !== "\t" },
      ...{ bom: true, info: true, max_record_size: RECORD_CHARACTERS },
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records
      .map(({ record, info }) => ({
        cells: record.map((cell) => (quotes ? unquoted(cell.trim()) : cell.trim())),
        line: info.lines - record.reduce((lines, cell) => lines + lineEnds(cell), 0),
      }))
      .filter(({ cells }) => cells.length > 1 || cells[0] !== "");
  } catch (error) {
    if (error instanceof CsvError) throw new CsvProblem(problemOf(error));
    throw error;
  }
}

/** Limits the size of a row, so that an unclosed quotation mark does not consume a large file. */
const RECORD_CHARACTERS = 2 ** 20;

function problemOf(error: CsvError): string {
  const line = /line (\d+)/.exec(error.message)?.[1];
  return error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE"
    ? `a quotation mark is not closed, on line ${line} or before`
    : error.message.replace(/\s+/g, " ");
}

/** The parser leaves the marks of a quoted cell that is followed by a space. */
function unquoted(cell: string): string {
  const [, quoted] = /^"((?:[^"]|"")*)"$/.exec(cell) ?? [];
  return quoted === undefined ? cell : quoted.replaceAll('""', '"').trim();
}

function lineEnds(cell: string): number {
  return cell.match(/\r\n|\r|\n/g)?.length ?? 0;
}
