import { readCsvRows } from "./csv-rows.js";
import { readJsonRows } from "./json-rows.js";
import type { RowReports, Rows } from "./rows.js";
import { isTokenList, readTokenRows } from "./token-rows.js";

/** Parses a list, by the ending of its name: `.jsonl`, `.json`, `.csv`, `.tsv`, or `.txt` and `.token`. */
export function parseRows(list: string, text: string, reports: RowReports): Rows {
  if (/\.jsonl?$/i.test(list)) return readJsonRows(text, /\.json$/i.test(list), reports);
  if (!/\.[ct]sv$/i.test(list) && isTokenList(text)) return readTokenRows(text, reports);
  return readCsvRows(text, reports);
}
