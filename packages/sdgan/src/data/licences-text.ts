import type { Licence } from "./dataset.js";

/** `LICENSES.txt`: the authors and licences of images and words, then the texts that must go with copies. */
export function licencesText(licences: readonly Licence[]): string {
  const entries = licences.map(({ of, title, author, license, url, package: from }) =>
    [
      `${title} (${of})`,
      `by ${author}`,
      `licence: ${license}`,
      ...(url === undefined ? [] : [url]),
      `from ${from}`,
    ].join("\n"),
  );
  const texts = [...new Set(licences.flatMap(({ text }) => text?.trim() ?? []))];
  return `${["The images and words of this data are from:", ...entries, ...texts].join("\n\n")}\n`;
}
