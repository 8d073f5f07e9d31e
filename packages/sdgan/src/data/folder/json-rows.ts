import { quote } from "@sdgan/core";
import type { Row, RowReports, Rows } from "./rows.js";

/**
 * The rows of JSON lines or of a JSON file. A JSON file is an array of objects, an object with one such array,
 * or an object from file names to captions or to rows. Each is also recognized under the ending of the other.
 */
export function readJsonRows(text: string, isJson: boolean, reports: RowReports): Rows {
  const isWhole = isJson || text.trimStart().startsWith("[");
  const whole = isWhole ? parseOrUndefined(text) : undefined;
  if (whole !== undefined && (isJson || Array.isArray(whole))) {
    if (!isJson) reports.note("is one JSON array and was read as such");
    return { rows: rowsOf(whole, reports), separator: ", entry " };
  }
  const lines = text.split(/\r\n?|\n/);
  if (isJson) {
    if (parseOrUndefined(lines.find((line) => line.trim() !== "") ?? "") === undefined)
      reports.refuse("is not JSON, or is truncated");
    reports.note("has one JSON object per line and was read as such");
  }
  const rows: Row[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const content = parseOrUndefined(line);
    if (content === undefined) reports.refuse(`not JSON: ${quote(line.trim())}`, index + 1);
    rows.push({ line: index + 1, content });
  }
  return { rows, separator: ":" };
}

function rowsOf(content: unknown, reports: RowReports): Row[] {
  const numbered = (rows: unknown[]) => rows.map((content, index) => ({ line: index + 1, content }));
  if (Array.isArray(content)) return numbered(content);
  if (typeof content !== "object" || content === null)
    return reports.refuse("is neither an array nor an object");
  const entries = Object.entries(content);
  const isRows = (value: unknown) =>
    Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === "object" && row !== null);
  const arrays = entries.filter(([, value]) => isRows(value));
  if (arrays.some(([key]) => key === "annotations"))
    reports.refuse(
      "has COCO's layout: use `sdgan prepare coco`, with the list as annotations/captions_train2014.json",
    );
  if (arrays.length === 1) return numbered(arrays[0]![1] as unknown[]);
  return numbered(
    entries.map(([name, value]) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? { ...value, file_name: name }
        : { file_name: name, captions: value },
    ),
  );
}

/** The content, never undefined if it is JSON; with null for NaN and Infinity, as Python writes them. */
function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (text.length > PYTHON_CHARACTERS || !/\b(NaN|Infinity)\b/.test(text)) return undefined;
  }
  try {
    return JSON.parse(
      text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (part) =>
        part.startsWith('"') ? part : "null",
      ),
    );
  } catch {
    return undefined;
  }
}

/** Longer texts are read as strict JSON only: replacing takes quadratic time in hostile ones. */
const PYTHON_CHARACTERS = 2 ** 14;
