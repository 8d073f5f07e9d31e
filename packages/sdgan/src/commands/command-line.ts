/** A command line for `sh`: `npx sdgan …`. Words with special characters are quoted. */
export function commandLine(...words: (string | number)[]): string {
  return ["npx", "sdgan", ...words.map((word) => quoted(String(word)))].join(" ");
}

/** The flag of an option by its name in code: `attributeClassifier` → `--attribute-classifier`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function quoted(word: string): string {
  return /^[\w./:=@%+,…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
