/** What to install so that captions can be shown. */

/**
 * What an image shows in place of `missing`, and the fonts that have these characters: `shows "?" for 笑 and 脸 …`. It
 * names each package of fonts once in a process; undefined if there is nothing to name.
 */
export function fontAdvice(missing: ReadonlySet<string>): string | undefined {
  const characters = [...missing].filter((character) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(character));
  const fresh = packagesFor(characters).filter((name) => !advised.has(name));
  if (fresh.length === 0) return undefined;
  for (const name of fresh) advised.add(name);
  const shown = characters.filter((character) => fresh.includes(packageWith(character)));
  const more = shown.length > MOST ? " and others" : "";
  const install =
    process.platform === "linux"
      ? `install fonts, on Debian and Ubuntu: apt-get install -y ${fresh.join(" ")} (as root)`
      : "install fonts that have them";
  return `shows "?" for ${shown.slice(0, MOST).join(", ")}${more}, since no font of this machine has them: ${install}`;
}

/** Debian's packages of fonts for characters. */
export function packagesFor(characters: Iterable<string>): string[] {
  return [...new Set([...characters].map(packageWith))];
}

/** Characters that are named. */
const MOST = 5;

/** The packages that were named in this process. */
const advised = new Set<string>();

function packageWith(character: string): string {
  if (
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u.test(
      character,
    )
  )
    return "fonts-noto-cjk";
  return /\p{Extended_Pictographic}/u.test(character) ? "fonts-symbola" : "fonts-noto-core";
}
