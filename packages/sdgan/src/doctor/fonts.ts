import { packagesFor } from "../images/font-advice.js";
import { charactersWithoutFont } from "../images/system-fonts.js";
import type { Finding } from "./finding.js";

/** The scripts that this machine has fonts for: captions in others are shown as "?" on sheets of images. */
export async function examineFonts(): Promise<Finding> {
  const missing = await charactersWithoutFont(Object.values(letters));
  const [drawn, others] = [false, true].map((isMissing) =>
    Object.keys(letters)
      .filter((language) => missing.has(letters[language]!) === isMissing)
      .join(", "),
  );
  const shown = drawn ? `for captions in ${drawn}` : "none";
  if (!others) return { what: "fonts", found: shown };
  const install = process.platform === "linux" ? ` (Debian: ${packagesFor(missing).join(" ")})` : "";
  return { what: "fonts", found: `${shown}; sheets of images show "?" for ${others}${install}` };
}

/** A letter for each language. Latin letters need no font. */
const letters: Readonly<Record<string, string>> = {
  Chinese: "笑",
  Japanese: "に",
  Korean: "얼",
  Arabic: "و",
  Hebrew: "פ",
  Hindi: "च",
  Bengali: "ব",
  Tamil: "த",
  Thai: "ใ",
  Russian: "л",
  Greek: "π",
};
