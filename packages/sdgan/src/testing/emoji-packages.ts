import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files of a `node_modules` with two small sets of emoji, words in several languages and Unicode's list. */
export function emojiPackages(): Record<string, unknown> {
  const square = (colour: string) => ({ body: `<rect width="10" height="10" fill="${colour}"/>` });
  return {
    "@iconify-json/noto/package.json": { version: "1.2.3" },
    "@iconify-json/noto/info.json": info("Noto", "Apache 2.0", "Apache-2.0"),
    "@iconify-json/noto/icons.json": {
      ...{ width: 10, height: 20 },
      icons: {
        "dog-face": square("brown"),
        "grinning-face": square("yellow"),
        heart: square("red"),
        "waving-hand": square("orange"),
        "waving-hand-dark": square("black"),
        "old-name": { ...square("lime"), hidden: true },
        "secret-sign": square("blue"),
        "not-listed": square("navy"),
      },
      aliases: { "love-heart": { parent: "heart" } },
    },
    "@iconify-json/noto/chars.json": {
      ...{ "1f436": "dog-face", "1f600": "grinning-face", "2764-fe0f": "heart", "1f44b": "waving-hand" },
      ...{ "1f44b-1f3ff": "waving-hand-dark", e000: "not-listed", "1f431": "old-name" },
    },
    "@iconify-json/emojione/package.json": { version: "2.0.0" },
    "@iconify-json/emojione/info.json": info("Emoji One", "CC BY 4.0", "CC-BY-4.0"),
    "@iconify-json/emojione/icons.json": {
      icons: {
        "love-heart": square("pink"),
        "Grinning Face": square("gold"),
        pup: square("tan"),
        "cat-face": square("grey"),
        "flag-for-france": square("white"),
      },
      aliases: {
        "dog-face": { parent: "pup" },
        "person-waving": { parent: "pup", hFlip: true },
      },
    },
    "cldr-annotations-full/package.json": { version: "48.0.0", license: "Unicode-3.0" },
    "cldr-annotations-full/LICENSE": "UNICODE LICENSE V3\n\nThis notice must appear with all copies.\n",
    ...words("en", {
      ...{
        "😀": ["grinning face", "face", "grin"],
        "❤": ["red heart", "love", "red"],
        "🐶": ["dog face", "dog"],
      },
      ...{ "👋": ["waving hand", "hand"], "🐱": ["cat face"] },
    }),
    ...words("en-001", {}),
    ...words("en-GB", { "❤": ["crimson heart"] }),
    ...words("zh", { "😀": ["嘿嘿", "笑脸"], "❤": ["红心", "爱"], "👋": ["挥手"], "🐱": ["猫脸"] }),
    ...words("zh-Hant", { "❤": ["紅心"] }),
    "cldr-annotations-derived-full/package.json": { version: "48.0.0", license: "Unicode-3.0" },
    ...words("en", { "🇫🇷": ["flag: France", "flag"], "👋🏿": ["waving hand: dark skin tone"] }, DERIVED),
    ...words("zh", { "🇫🇷": ["旗: 法国"] }, DERIVED),
    "emojibase-data/meta/groups.json": {
      groups: { 0: "smileys-emotion", 1: "people-body", 2: "component", 3: "animals-nature", 4: "flags" },
      subgroups: {
        0: "face-smiling",
        1: "heart",
        2: "hand-fingers-open",
        3: "skin-tone",
        4: "animal-mammal",
        5: "country-flag",
      },
    },
    "emojibase-data/meta/unicode-names.json": { "1F431": "CAT FACE", "1F44B": "WAVING HAND SIGN" },
    "emojibase-data/en/data.json": [
      thing("grinning face", "1F600", 0, 0, 1),
      thing("red heart", "2764-FE0F", 0, 1, 2),
      {
        ...thing("waving hand", "1F44B", 1, 2, 3),
        skins: [{ label: "waving hand: dark", hexcode: "1F44B-1F3FF" }],
      },
      thing("dark skin tone", "1F3FF", 2, 3, 4),
      thing("dog face", "1F436", 3, 4, 5),
      thing("cat face", "1F431", 3, 4, 6),
      thing("flag: France", "1F1EB-1F1F7", 4, 5, 7),
      { label: "regional indicator A", hexcode: "1F1E6" },
    ],
  };
}

/** Writes files to `folder`; text as it is, everything else as JSON. Returns `folder`. */
export function writePackages(folder: string, files: Record<string, unknown>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

function info(name: string, title: string, spdx: string) {
  return {
    name,
    author: { name: `${name}'s designers` },
    license: { title, spdx, url: "https://example.org/license" },
  };
}

function thing(label: string, hexcode: string, group: number, subgroup: number, order: number) {
  return { label, hexcode, group, subgroup, order };
}

const SINGLE = ["cldr-annotations-full", "annotations"] as const;
const DERIVED = ["cldr-annotations-derived-full", "annotationsDerived"] as const;

/** A language's file: text → name and keywords. */
function words(
  language: string,
  entries: Record<string, string[]>,
  [name, root]: readonly [string, string] = SINGLE,
): Record<string, unknown> {
  const annotations = Object.entries(entries).map(([text, [tts, ...keywords]]) => {
    return [text, { tts: [tts], ...(keywords.length > 0 && { default: keywords }) }];
  });
  return {
    [`${name}/${root}/${language}/annotations.json`]: {
      [root]: { annotations: Object.fromEntries(annotations) },
    },
  };
}
