import { describe, expect, it } from "vitest";
import { fontAdvice } from "./font-advice.js";
import { Lettering } from "./lettering.js";
import { charactersWithoutFont } from "./system-fonts.js";

const ink = [32, 32, 32] as const;

/** A canvas with the text on one line, as the places and values of the pixels that are not paper. */
async function drawn(text: string): Promise<string> {
  const lettering = await Lettering.of([text], 2);
  const canvas = { pixels: Buffer.alloc(40 * 400 * 3, 255), width: 400, height: 40 };
  const lines = lettering.wrap(text, 390, 1).map((line) => ({ ...line, x: 5, y: 8, color: ink }));
  await lettering.draw(canvas, lines);
  return canvas.pixels.toString("hex");
}

/** A word in each script, one letter of which decides whether the machine has a font. */
const words: Record<string, string> = {
  Han: "笑脸",
  Kana: "にこにこ",
  Hangul: "얼굴",
  Arabic: "وجه",
  Hebrew: "פרצוף",
  Devanagari: "चेहरा",
  Thai: "ใบหน้า",
  Cyrillic: "лицо",
  Greek: "πρόσωπο",
};

/** Unassigned: no font has it. */
const unassigned = "\u{5fff1}";

describe("lettering", () => {
  it("draws Latin text in the bitmap font, whatever fonts there are", async () => {
    const lettering = await Lettering.of(["cara de niño", "œuf"], 2);
    expect(lettering.wrap("cara de niño", 70, 9)).toEqual([
      { text: "cara", width: lettering.width("cara"), inSystemFont: false },
      { text: "de niño", width: lettering.width("de nino"), inSystemFont: false },
    ]);
    expect(lettering.missing.size).toBe(0);
  });

  it.each(Object.entries(words))("draws %s, or question marks without a font for it", async (_, word) => {
    const missing = await charactersWithoutFont(word);
    const marks = await drawn("?".repeat([...word].length));
    const found = await drawn(word);
    expect(found).not.toBe(await drawn(" "));
    const lettering = await Lettering.of([word], 2);
    const isDrawn = [...word].some((letter) => /\p{L}/u.test(letter) && !missing.has(letter));
    expect(lettering.wrap(word, 390, 1)[0]!.inSystemFont).toBe(isDrawn);
    if (isDrawn) {
      expect(found).not.toBe(marks);
      expect(found).not.toBe(await drawn(`${word}${word}`));
      expect(lettering.width(`${word}`)).toBeGreaterThan(5);
    } else expect(lettering.wrap(word, 390, 1)[0]!.text).toMatch(/^\?+$/);
  });

  it("shows question marks for what no font has, with advice", async () => {
    const lettering = await Lettering.of([`a ${unassigned}${unassigned} b`], 2);
    expect(lettering.wrap(`a ${unassigned}${unassigned} b`, 390, 1)[0]!.text).toBe("a ?? b");
    expect([...lettering.missing]).toEqual([unassigned]);
  });

  it("wraps texts in the machine's fonts to the width, and ends them in dots", async () => {
    const text = "лицо со слезами радости и ещё очень много других слов";
    const lettering = await Lettering.of([text], 2);
    const lines = lettering.wrap(text, 128, 3);
    expect(lines).toHaveLength(3);
    for (const { width } of lines) expect(width).toBeLessThanOrEqual(128);
    expect(lines[2]!.text).toMatch(/(…|\.\.\.)$/);
  });

  it("takes long and hostile text", async () => {
    const text = `<text>&amp;\u0000\ud800\u202e ${"лицо".repeat(20_000)}`;
    const lettering = await Lettering.of([text, ""], 2);
    expect(lettering.wrap(text, 128, 2)).toHaveLength(2);
    expect(lettering.wrap("", 128, 2)).toEqual([]);
    await expect(drawn(text)).resolves.toBeDefined();
    // One letter with any number of marks would be wider than an SVG may be.
    await expect(drawn(`лицо ${`л${"\u0301".repeat(1500)}`.repeat(30)}`)).resolves.toBeDefined();
  });
});

describe("advice on fonts", () => {
  it("names the packages of the missing characters, each once", () => {
    const advice = fontAdvice(new Set([..."笑脸चेहरा"]))!;
    expect(advice).toMatch(/^shows "\?" for 笑, 脸, च, ह, र, since no font of this machine has them: /);
    if (process.platform === "linux")
      expect(advice).toMatch(/apt-get install -y fonts-noto-cjk fonts-noto-core \(as root\)$/);
    expect(fontAdvice(new Set("猫"))).toBeUndefined();
    expect(fontAdvice(new Set(["\u{5fff1}"]))).toBeUndefined();
  });
});
