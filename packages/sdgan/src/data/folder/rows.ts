/** The rows of a list, in its order, not yet checked. */
export interface Rows {
  rows: Row[];
  /** What stands between the list's name and the row's number in messages: "metadata.csv:4". */
  separator: ":" | ", entry ";
  /** Whether equal rows mean equal captions by several people, and not a repetition by mistake. */
  numbered?: boolean;
}

export interface Row {
  /** Its line, or in JSON its number, from 1. */
  line: number;
  /** Columns with their values, if it is valid. */
  content: unknown;
}

/** What the readers of rows report. */
export interface RowReports {
  /** Throws a `UserError` for the list, or for one line of it. */
  refuse(problem: string, line?: number): never;
  /** Reports how the list was read. */
  note(text: string): void;
}
