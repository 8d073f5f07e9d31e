/**
 * The errors of processes that `--processes` has started. Each process reports its own to the launcher, which prints each
 * cause once: most mistakes of a user are found by every process, and one that fails makes the others fail too.
 */

/** An error that ended a process. */
export interface ReportedError {
  /** The line for the terminal. */
  line: string;
  /** The process without which this one could not go on, if that is the error. */
  lost?: number | undefined;
}

/** The error in a message of a process; undefined if it is none. */
export function asReportedError(message: unknown): ReportedError | undefined {
  return typeof Object(message).line === "string" ? (message as ReportedError) : undefined;
}

/**
 * The lines to print of processes other than the first, each with the number of its process. Left out are a line that another
 * process has printed, and the loss of a process that is named already: because it has reported an error, or as lost.
 *
 * @param errors by process; undefined where one has reported nothing
 */
export function linesToPrint(errors: readonly (ReportedError | undefined)[]): string[] {
  const lines = new Set<string>();
  const named = new Set<number>();
  const printed: string[] = [];
  const all = errors.flatMap((error, rank) => (error ? [{ rank, ...error }] : []));
  // Process 0 has printed its own. Of the others, causes come before what follows from them.
  const orderOf = ({ rank, lost }: (typeof all)[number]) => (rank === 0 ? 0 : lost === undefined ? 1 : 2);
  for (const { rank, line, lost } of all.sort((a, b) => orderOf(a) - orderOf(b))) {
    const isNew = !lines.has(line) && (lost === undefined || !named.has(lost));
    if (isNew && rank > 0) printed.push(`[process ${rank}] ${line}`);
    lines.add(line);
    for (const one of [rank, lost]) if (one !== undefined) named.add(one);
  }
  return printed;
}
