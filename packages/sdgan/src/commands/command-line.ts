/** A command line for `sh`: `npx sdgan …`. Words with special characters are quoted. */
export function commandLine(...words: (string | number)[]): string {
  return ["npx", "sdgan", ...words.map((word) => quoted(String(word)))].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:=@%+,…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
