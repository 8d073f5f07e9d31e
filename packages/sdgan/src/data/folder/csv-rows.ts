import { quote } from "@sdgan/core";
import { isCaptionColumn, isImageColumn } from "./columns.js";
import { CsvProblem, type CsvRecord, csvRecords } from "./csv-records.js";
import { isImage } from "./image-names.js";
import type { Row, RowReports, Rows } from "./rows.js";

/**
 * The rows of a table whose columns are separated by commas, semicolons, tabs or "|", whichever its header
 * has. A table of two columns without a header is read as image and caption. Where the last column is the
 * caption, its separators need no quotation marks.
 */
export function readCsvRows(text: string, reports: RowReports): Rows {
  const { separator, from } = separatorOf(text, reports);
  const records = recordsOf(text, separator, reports).filter(({ line }) => line >= from);
  const first = records[0]?.cells;
  if (first === undefined) return { rows: [], separator: ":" };
  const hasHeader = !isImage(first[0]!);
  if (!hasHeader && first.length > 2 && records.every(({ cells }) => cells.length > 2)) {
    const shown = quote(first.join(separator));
    reports.refuse(`has no header: its first line is ${shown}. Write the columns' names above it`);
  }
  if (!hasHeader) reports.note("has no header and was read as image and caption");
  const header = hasHeader ? unique(first) : ["file_name", "text"];
  const isLast = isCaptionColumn(header.at(-1)!);
  const rows: Row[] = [];
  for (const { cells, line } of records.slice(hasHeader ? 1 : 0)) {
    while (cells.length > header.length && cells.at(-1) === "") cells.pop();
    if (cells.length > header.length) {
      const outside = `${quote(separator)} outside quotation marks`;
      if (!isLast) {
        const problem = `has ${cells.length} columns, and the header has ${header.length}`;
        reports.refuse(`${problem}: put a text with ${quote(separator)} in quotation marks`, line);
      }
      reports.note(`has captions with ${outside}, read to the end of the line`);
      cells.push(joined(cells.splice(header.length - 1), separator));
    }
    // Only the cells that the row has: a hostile header may have very many columns.
    rows.push({ line, content: Object.fromEntries(cells.map((cell, at) => [header[at]!, cell])) });
  }
  return { rows, separator: ":" };
}

function recordsOf(text: string, separator: string, { refuse, note }: RowReports): CsvRecord[] {
  try {
    return csvRecords(text, { separator, quotes: true });
  } catch (error) {
    if (!(error instanceof CsvProblem)) throw error;
    if (separator !== "\t") return refuse(`is not CSV: ${error.message}`);
    note("has single quotation marks, which were read as a part of the text");
    return csvRecords(text, { separator, quotes: false });
  }
}

/** The separator by which the header has the most known columns, or the most columns; and its line, from 1. */
function separatorOf(text: string, reports: RowReports): { separator: string; from: number } {
  const start = text.slice(0, HEADER_CHARACTERS);
  // Spreadsheets write such a line.
  const said = /^\s*"?sep=([,;\t|])"?[^\S\t]*(\r\n?|\n)/i.exec(start);
  if (said) return { separator: said[1]!, from: start.slice(0, said[0].length).split(/\r\n?|\n/).length };
  const header = start.trimStart().split(/[\r\n]/, 1)[0]!;
  const scored = SEPARATORS.map((separator) => {
    const names = header.split(separator).map((name) => name.replaceAll('"', ""));
    const known = names.some(isImageColumn) && names.some(isCaptionColumn);
    return { separator, score: (known ? 1000 : 0) + (isImage(names[0]!.trim()) ? 500 : 0) + names.length };
  });
  const { separator } = scored.reduce((best, other) => (other.score > best.score ? other : best));
  if (separator !== "," && separator !== "\t") reports.note(`has columns separated by ${quote(separator)}`);
  return { separator, from: 1 };
}

const SEPARATORS = [",", "\t", ";", "|"];
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
function joined(cells: string[], separator: string): string {
  return cells.join(separator === "\t" ? " " : `${separator} `).trim();
}
