import { quote } from "@sdgan/core";
import { CsvError, type Options, parse } from "csv-parse/sync";
import { isCaptionColumn, isImageColumn } from "./columns.js";
import { isImage } from "./image-names.js";
import type { Row, RowReports, Rows } from "./rows.js";

/**
 * The rows of a table whose columns are separated by commas, semicolons, tabs or "|", whichever its header
 * has. A table of two columns without a header is read as image and caption. Where the last column is the
 * caption, its separators need no quotation marks.
 */
export function readCsvRows(text: string, reports: RowReports): Rows {
  const { delimiter, from } = delimiterOf(text, reports);
  const records = recordsOf(text, { delimiter, from_line: from }, reports);
  const first = records[0];
  if (first === undefined) return { rows: [], separator: ":" };
  const hasHeader = !isImage(first.record[0] ?? "");
  const header = hasHeader ? unique(first.record) : ["file_name", "text"];
  if (!hasHeader) {
    if (records.length > 1 && records[1]!.record.length > 2 && first.record.length > 2)
      reports.refuse(
        `has no header: its first line is ${quote(first.record.join(delimiter))}. Put the columns' names there`,
      );
    reports.note("has no header and was read as image and caption");
  }
  const isLast = isCaptionColumn(header.at(-1)!);
  const rows: Row[] = [];
  for (const { record, info } of records.slice(hasHeader ? 1 : 0)) {
    while (record.length > header.length && record.at(-1) === "") record.pop();
    if (record.length > header.length) {
      if (!isLast)
        reports.refuse(
          `has ${record.length} columns, and the header has ${header.length}: put a text with ${quote(delimiter)} in quotation marks`,
          info.lines,
        );
      reports.note(
        `has captions with ${quote(delimiter)} outside quotation marks, read to the end of the line`,
      );
      record.push(joined(record.splice(header.length - 1), delimiter));
    }
    // Only the cells that the row has: a hostile header may have very many columns.
    rows.push({
      line: info.lines,
      content: Object.fromEntries(record.map((cell, at) => [header[at]!, cell])),
    });
  }
  return { rows, separator: ":" };
}

interface CsvRecord {
  record: string[];
  info: { lines: number };
}

function recordsOf(text: string, options: Options, { refuse, note }: RowReports): CsvRecord[] {
  const parseWith = (more: Options) =>
    parse(text, {
      ...{ info: true, bom: true, skip_empty_lines: true, max_record_size: ROW_CHARACTERS },
      ...{ relax_column_count: true, relax_quotes: true, trim: true },
      ...more,
    }) as unknown as CsvRecord[];
  try {
    return parseWith(options);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (options.delimiter === "\t" && error.code.includes("QUOTE")) {
      note("has single quotation marks, which were read as a part of the text");
      return parseWith({ ...options, quote: null });
    }
    return refuse(`is not CSV: ${error.message.replace(/\s+/g, " ")}`);
  }
}

/** Limits the size of a row, so that an unclosed quotation mark does not consume a large file. */
const ROW_CHARACTERS = 2 ** 20;

/** The separator by which the header has the most known columns, or the most columns; and its line, from 1. */
function delimiterOf(text: string, reports: RowReports): { delimiter: string; from: number } {
  const start = text.slice(0, HEADER_CHARACTERS);
  // Spreadsheets write such a line.
  const said = /^\s*"?sep=([,;\t|])"?[^\S\t]*(\r\n?|\n)/i.exec(start);
  if (said) return { delimiter: said[1]!, from: start.slice(0, said[0].length).split(/\r\n?|\n/).length };
  const header = start.trimStart().split(/[\r\n]/, 1)[0]!;
  const scored = DELIMITERS.map((delimiter) => {
    const names = header.split(delimiter).map((name) => name.replaceAll('"', ""));
    const known = names.some(isImageColumn) && names.some(isCaptionColumn);
    return { delimiter, score: (known ? 1000 : 0) + (isImage(names[0]!.trim()) ? 500 : 0) + names.length };
  });
  const { delimiter } = scored.reduce((best, other) => (other.score > best.score ? other : best));
  if (delimiter !== "," && delimiter !== "\t") reports.note(`has columns separated by ${quote(delimiter)}`);
  return { delimiter, from: 1 };
}

const DELIMITERS = [",", "\t", ";", "|"];
const HEADER_CHARACTERS = 10_000;

/** Names of columns, with numbers where they repeat. */
function unique(names: string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

/** A text that was split at its separators. Spaces beside them are lost. */
function joined(cells: string[], delimiter: string): string {
  return cells.join(delimiter === "\t" ? " " : `${delimiter} `).trim();
}
