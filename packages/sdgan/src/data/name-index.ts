/**
 * Finds names that are written in another way elsewhere: in another of Unicode's normal forms, as macOS
 * writes names on some disks, or with other upper and lower case letters, as Windows allows.
 */
export class NameIndex {
  /** Folded name → the names that have it. */
  readonly #names = new Map<string, string | string[]>();

  constructor(names: Iterable<string>) {
    for (const name of names) {
      const folded = foldedName(name);
      const others = this.#names.get(folded);
      if (others === undefined) this.#names.set(folded, name);
      else if (typeof others === "string") this.#names.set(folded, [others, name]);
      else others.push(name);
    }
  }

  /** The name that is equal to `name`, or else the only one that is nearly equal. */
  find(name: string): FoundName | undefined {
    const names = [this.#names.get(foldedName(name)) ?? []].flat();
    if (names.includes(name)) return { name };
    const normal = names.filter((other) => other.normalize("NFC") === name.normalize("NFC"));
    if (normal.length > 0) return normal.length === 1 ? { name: normal[0]!, note: BY_UNICODE } : undefined;
    return names.length === 1 ? { name: names[0]!, note: BY_CASE } : undefined;
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
  const pairs = new Map<string, FoundName>();
  const distinct = new Set(names);
  const [left, right] = [new NameIndex(distinct), new NameIndex(new Set(others))];
  for (const name of distinct) {
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
