/** A command to type, as `sh` reads it: `npx sdgan …` with what needs it in quotation marks. */
export function commandLine(...words: (string | number)[]): string {
  return ["npx", "sdgan", ...words.map((word) => quoted(String(word)))].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:=@%+,…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
