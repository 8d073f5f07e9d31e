/**
 * Finds names that are written in another way elsewhere: in another of Unicode's normal forms, as macOS
 * writes names on some disks, or with other upper and lower case letters, as Windows allows.
 */
export class NameIndex {
  readonly #exact: Set<string>;
  readonly #normal = new Map<string, string[]>();
  readonly #folded = new Map<string, string[]>();

  constructor(names: Iterable<string>) {
    this.#exact = new Set(names);
    for (const name of this.#exact) {
      add(this.#normal, name.normalize("NFC"), name);
      add(this.#folded, foldedName(name), name);
    }
  }

  /** The name that is equal to `name`, or else the only one that is nearly equal. */
  find(name: string): FoundName | undefined {
    if (this.#exact.has(name)) return { name };
    const normal = this.#normal.get(name.normalize("NFC"));
    if (normal) return normal.length === 1 ? { name: normal[0]!, note: BY_UNICODE } : undefined;
    const folded = this.#folded.get(foldedName(name));
    return folded?.length === 1 ? { name: folded[0]!, note: BY_CASE } : undefined;
  }
}

export interface FoundName {
  name: string;
  /** How it differs from the name that was looked up, for `Remarks`; absent if it does not. */
  note?: string;
}

/**
 * Pairs each of `names` with the only one of `others` that is nearly equal. A name is left out if several are.
 */
export function pairNearlyEqual(names: Iterable<string>, others: Iterable<string>): Map<string, FoundName> {
  const [left, right] = [new NameIndex(names), new NameIndex(others)];
  const pairs = new Map<string, FoundName>();
  for (const name of names) {
    const found = right.find(name);
    if (found && left.find(found.name)?.name === name) pairs.set(name, found);
  }
  return pairs;
}

/** Equal for names that differ only in case and in Unicode's normal form. */
function foldedName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

const BY_UNICODE = "matched by name only after Unicode normalization (NFC)";
const BY_CASE = "matched by name only with upper and lower case taken as equal";

function add(groups: Map<string, string[]>, key: string, name: string): void {
  const group = groups.get(key);
  if (group) group.push(name);
  else groups.set(key, [name]);
}
