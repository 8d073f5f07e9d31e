import { extname } from "node:path";

/**
 * Collects what a source found but does not use, and what it read in another way than it may seem, so that
 * `prepare` can report both: nothing is left out silently. Equal cases are counted together, and the same
 * name counts once, however often the source is read.
 */
export class Remarks {
  readonly #unused = new Map<string, { kind: string; reason: string; names: Set<string> }>();
  readonly #notes = new Map<string, Set<string>>();

  /**
   * Records something that is not used: a file, a member of a tar file, a row or a column of a list. `kind`
   * is what it is counted as, by default its extension, such as ".heic".
   */
  unused(name: string, reason: string, kind = extname(name).toLowerCase() || "no extension"): void {
    const key = `${kind}\n${reason}`;
    const group = this.#unused.get(key) ?? { kind, reason, names: new Set() };
    group.names.add(name);
    this.#unused.set(key, group);
  }

  /**
   * Records how `name` was read, such as "was read as Windows-1252". The text continues a sentence whose
   * subject is the name or the number of names.
   */
  note(name: string, text: string): void {
    const names = this.#notes.get(text) ?? new Set();
    this.#notes.set(text, names.add(name));
  }

  /** What is not used, the most frequent kind first. */
  get unusedGroups(): Unused[] {
    return [...this.#unused.values()]
      .map(({ kind, reason, names }) => ({ unused: kind, count: names.size, reason, first: firstOf(names) }))
      .sort((a, b) => b.count - a.count || (a.unused < b.unused ? -1 : 1));
  }

  /** What was read in an unusual way, the most frequent kind first. */
  get notes(): Note[] {
    return [...this.#notes]
      .map(([text, names]) => ({ text, count: names.size, first: firstOf(names) }))
      .sort((a, b) => b.count - a.count || (a.text < b.text ? -1 : 1));
  }
}

/** Things of one kind that are not used for one reason. A line of `skipped.jsonl`. */
export interface Unused {
  /** What they are, such as ".heic". */
  unused: string;
  count: number;
  reason: string;
  /** The first of them. */
  first: string;
}

/** Things that were read in the same unusual way. */
export interface Note {
  text: string;
  count: number;
  first: string;
}

function firstOf(names: ReadonlySet<string>): string {
  const [first] = names;
  return first!;
}
