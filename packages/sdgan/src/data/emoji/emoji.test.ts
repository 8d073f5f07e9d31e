import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { emojiPackages, writePackages } from "../../testing/emoji-packages.js";
import type { Example, Source } from "../dataset.js";
import { toPixels } from "../decode-image.js";
import { prepare } from "../prepare.js";
import { openPrepared } from "../prepared.js";
import { type EmojiOptions, emoji } from "./index.js";

const sets = [
  { name: "noto", style: "soft" },
  { name: "emojione", style: "glossy" },
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-emoji-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The source of the small packages, with changed or additional files. */
function source(options: Partial<EmojiOptions> = {}, files: Record<string, unknown> = {}): Source {
  writePackages(folder, { ...emojiPackages(), ...files });
  return emoji({ packages: [folder], sets, ...options });
}

async function examplesOf(given: Source): Promise<Map<string, Example>> {
  const examples = new Map<string, Example>();
  for await (const one of given.examples()) examples.set(one.id, one);
  expect(given.listing!.map(({ id }) => id)).toEqual([...examples.keys()]);
  expect(given.count).toBe(examples.size);
  return examples;
}

const texts = ({ captions }: Example) => captions.map(({ text }) => text);

it("has an image for each thing and set, in Unicode's order, by code points, names and other names", async () => {
  const given = source();
  const examples = await examplesOf(given);
  expect([...examples.keys()]).toEqual([
    ...["noto/1f600", "emojione/1f600", "noto/2764", "emojione/2764", "noto/1f44b", "noto/1f436"],
    ...["emojione/1f436", "emojione/1f431", "emojione/1f1eb-1f1f7"],
  ]);
  expect(given.classes).toEqual([
    ...["1f600 grinning face", "2764 red heart", "1f44b waving hand", "1f436 dog face", "1f431 cat face"],
    "1f1eb-1f1f7 flag: France",
  ]);
  expect(given.classes[examples.get("emojione/2764")!.classId]).toBe("2764 red heart");
});

it("has a name, in English one with the set's style, and keywords, each with its language", async () => {
  const examples = await examplesOf(source({ languages: ["en", "zh"] }));
  expect(examples.get("emojione/2764")!.captions).toEqual([
    { text: "red heart", language: "en" },
    { text: "glossy red heart", language: "en" },
    { text: "love, red", language: "en" },
    { text: "红心", language: "zh" },
    { text: "爱", language: "zh" },
  ]);
  expect(texts(examples.get("emojione/1f1eb-1f1f7")!)).toEqual([
    ...["flag: France", "glossy flag: France", "flag", "旗: 法国"],
  ]);
});

it("takes what a regional variant does not say from its language, but not from another script", async () => {
  const british = await examplesOf(source({ languages: ["EN_gb"] }));
  expect(texts(british.get("noto/2764")!)).toEqual(["crimson heart", "soft crimson heart", "love, red"]);
  expect(texts(british.get("noto/1f600")!)).toContain("grinning face");
  const traditional = source({ languages: ["zh-Hant"] });
  const examples = await examplesOf(traditional);
  expect(texts(examples.get("noto/2764")!)).toEqual(["紅心"]);
  expect(texts(examples.get("noto/1f600")!)).toEqual([]);
});

it("states how it differs from the usual emoji, by option", () => {
  expect(source()).not.toHaveProperty("variant");
  expect(source({ languages: ["en", "zh"], holdOut: "things", skinTones: true }).variant).toEqual({
    ...{ languages: "en,zh", "hold-out": "things", "skin-tones": "" },
  });
});

it("counts what it leaves out and the names that a language lacks", async () => {
  const { remarks } = source({ languages: ["en", "zh"] });
  expect(remarks!.unusedGroups).toEqual([
    ...[
      {
        unused: "emojione image",
        count: 1,
        reason: "their names are in no list of emoji",
        first: "emojione/person-waving",
      },
      {
        unused: "noto image",
        count: 1,
        reason: "their names are in no list of emoji",
        first: "noto/secret-sign",
      },
      {
        unused: "noto image",
        count: 1,
        reason: "they are not in Unicode's list of emoji",
        first: "noto/not-listed",
      },
      {
        unused: "skin-tone image",
        count: 1,
        reason: "--skin-tones includes them",
        first: "noto/waving-hand-dark",
      },
    ],
  ]);
  expect(remarks!.notes).toEqual([{ text: "has no name in zh", count: 1, first: "1f436 dog face" }]);
});

it("includes skin tones on request, as things of their own", async () => {
  const examples = await examplesOf(source({ skinTones: true }));
  expect(texts(examples.get("noto/1f44b-1f3ff")!)).toEqual([
    ...["waving hand: dark skin tone", "soft waving hand: dark skin tone"],
  ]);
});

it.each([
  [["faces"], ["1f600", "1f436", "1f431"]],
  [
    ["heart", "Flags"],
    ["2764", "1f1eb-1f1f7"],
  ],
  [["animals-nature"], ["1f436", "1f431"]],
])("chooses the groups %j", async (groups, keys) => {
  const examples = await examplesOf(source({ groups }));
  expect([...new Set([...examples.keys()].map((id) => id.split("/")[1]))]).toEqual(keys);
});

it("gives an image that a set has for several things to the first only", async () => {
  const icons = { "dog-face": { body: "<g/>" }, "grinning-face": { body: "<g/>" } };
  const given = source({ sets: [sets[0]!] }, { "@iconify-json/noto/icons.json": { icons } });
  expect([...(await examplesOf(given)).keys()]).toEqual(["noto/1f600"]);
  expect(given.remarks!.unusedGroups).toMatchObject([
    { first: "noto/dog-face", reason: "the set has the same image for another emoji" },
  ]);
});

it("renders icons at their own proportions, flipped ones too", async () => {
  const half = '<rect width="8" height="16" fill="#f00"/>';
  const files = {
    "@iconify-json/emojione/icons.json": {
      icons: { "dog-face": { body: half } },
      aliases: {
        "cat-face": { parent: "dog-face", hFlip: true },
        "red-heart": { parent: "dog-face", rotate: 1 },
      },
    },
  };
  const examples = await examplesOf(source({}, files));
  const pixel = async (id: string, x: number, y: number) => {
    const pixels = await toPixels(await examples.get(id)!.read(), { size: 16, background: "white" });
    return [...pixels.subarray((y * 16 + x) * 3, (y * 16 + x) * 3 + 3)];
  };
  const [red, white] = [
    [255, 0, 0],
    [255, 255, 255],
  ];
  expect([await pixel("emojione/1f436", 3, 8), await pixel("emojione/1f436", 12, 8)]).toEqual([red, white]);
  expect([await pixel("emojione/1f431", 3, 8), await pixel("emojione/1f431", 12, 8)]).toEqual([white, red]);
  expect([await pixel("emojione/2764", 8, 3), await pixel("emojione/2764", 8, 12)]).toEqual([red, white]);
  // 10 × 20: the sides are background.
  expect(await pixel("noto/1f436", 1, 3)).toEqual(white);
});

it.each([
  [
    { languages: ["klingon"] },
    /--languages: CLDR has no words in "klingon".*Expected codes among en, en-001, en-GB, zh, zh-Hant$/,
  ],
  [{ languages: ["../en"] }, /--languages: CLDR has no words in "..\/en"/],
  [
    { groups: ["face-smilng"] },
    /--groups: there is no group "face-smilng"; the nearest is face-smiling\. Expected faces, /,
  ],
  [{ groups: ["flags"], sets: [sets[0]!] }, /no set has an image of the groups flags/],
])("refuses %j", (options, message) => {
  expect(() => source(options)).toThrow(message);
});

it.each([
  ["@iconify-json/noto/icons.json", "{"],
  ["@iconify-json/noto/icons.json", { icons: { a: { body: 1 } } }],
  ["@iconify-json/noto/chars.json", ["heart"]],
  ["cldr-annotations-full/annotations/en/annotations.json", { other: {} }],
  ["emojibase-data/en/data.json", [{ label: "x", hexcode: "no" }]],
  ["@iconify-json/emojione/info.json", {}],
])("names a broken %s", (file, content) => {
  const run = () => source({}, { [file]: content });
  expect(run).toThrow(`${join(folder, file)}: is missing or broken (`);
  expect(run).toThrow(/^[^\n]*Delete [^\n]*downloads the packages again$/);
});

it("prepares a folder with languages and licences, the same bytes every time", async () => {
  const hashes: string[] = [];
  for (const name of ["a", "b"]) {
    const out = join(folder, name);
    await prepare(source({ languages: ["en", "zh"] }), { out, size: 16 });
    const prepared = openPrepared(out);
    hashes.push(prepared.sha256);
    const [first] = prepared.splits.train.images;
    expect(new Set(first!.captions.map(({ language }) => language))).toEqual(new Set(["en", "zh"]));
    prepared.close();
  }
  expect(hashes[0]).toBe(hashes[1]);
  const { licences } = JSON.parse(readFileSync(join(folder, "a/index.json"), "utf8"));
  expect(licences).toEqual([
    {
      ...{ of: "images", title: "Noto", author: "Noto's designers", license: "Apache-2.0" },
      ...{ url: "https://example.org/license", package: "@iconify-json/noto@1.2.3" },
    },
    {
      ...{ of: "images", title: "Emoji One", author: "Emoji One's designers", license: "CC-BY-4.0" },
      ...{ url: "https://example.org/license", package: "@iconify-json/emojione@2.0.0" },
    },
    ...["cldr-annotations-full@48.0.0", "cldr-annotations-derived-full@48.0.0"].map((from) => ({
      ...{
        of: "words",
        title: "Unicode CLDR",
        author: "Unicode, Inc.",
        license: "Unicode-3.0",
        package: from,
      },
    })),
  ]);
  const text = readFileSync(join(folder, "a/LICENSES.txt"), "utf8");
  expect(text).toContain("Emoji One (images)\nby Emoji One's designers\nlicence: CC-BY-4.0");
  expect(text).toContain("This notice must appear with all copies.");
});
