/**
 * Code points in lower-case hexadecimal digits without variation selectors, which some lists have and others do not:
 * "1F468-200D-2695-FE0F" gives "1f468-200d-2695".
 */
export function keyOf(hexcode: string): string {
  return hexcode
    .toLowerCase()
    .split("-")
    .filter((one) => one !== "fe0f" && one !== "fe0e")
    .map((one) => one.replace(/^0+(?=.)/, ""))
    .join("-");
}

/** The key of a text, such as "👨‍⚕️". */
export function keyOfText(text: string): string {
  return keyOf([...text].map((character) => character.codePointAt(0)!.toString(16)).join("-"));
}

/** Whether the key has a skin tone beside something else. */
export function hasSkinTone(key: string): boolean {
  return key.includes("-") && key.split("-").some((one) => /^1f3f[b-f]$/.test(one));
}

/** Finds code points by names such as "flag-for-france", in which only letters and digits count. */
export class NamesOfCodePoints {
  readonly #keys = new Map<string, string>();

  /** Of two code points with the same name, the one that was added first has it. */
  add(name: string, key: string): void {
    const plain = plainName(name);
    if (plain !== "" && !this.#keys.has(plain)) this.#keys.set(plain, key);
  }

  find(name: string): string | undefined {
    return this.#keys.get(plainName(name));
  }
}

function plainName(name: string): string {
  const ascii = name.normalize("NFKD").toLowerCase();
  return ascii
    .replace(/[^a-z0-9]+/g, " ")
    .trim()
    .replace(/^(flag for )+(flag )?/, "flag ")
    .replaceAll(" ", "");
}
