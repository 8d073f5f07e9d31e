import type { Box } from "../util/box.js";

/** The command that generates a user's first image: with a model in the box, which needs no set-up. */
export function firstImageCommand(box: Box | undefined): string {
  const { model, captions } = box?.first ?? { model: "FOLDER", captions: [] };
  return `npx sdgan generate --model ${model} --caption "${captions[0] ?? "…"}" --count 4 --out images`;
}

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
