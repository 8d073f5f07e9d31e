/** Why a process group could not be made, or an operation of it failed. */

/** Names the rank, the operation, what was waited for, the timeout, and the likely cause or remedy, in one line. */
export class ProcessGroupError extends Error {
  override readonly name = "ProcessGroupError";
  /** This process. */
  readonly rank: number;
  /** "initProcessGroup", "allReduce", … */
  readonly operation: string;
  /** The ranks that failed first, as far as it is known. */
  readonly suspects: readonly number[];

  constructor(message: string, about: { rank: number; operation: string; suspects?: readonly number[] }) {
    super(message);
    this.rank = about.rank;
    this.operation = about.operation;
    this.suspects = about.suspects ?? [];
  }
}

/** "rank 3", "ranks 1, 2 and 5". */
export function ranksText(ranks: readonly number[]): string {
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  const shown = ranks.slice(0, MOST_SHOWN);
  const last = ranks.length > MOST_SHOWN ? `${ranks.length - MOST_SHOWN} more` : shown.pop();
  return `ranks ${shown.join(", ")} and ${last}`;
}

const MOST_SHOWN = 8;

/** 2500 → "2.5 s". */
export function secondsText(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}
