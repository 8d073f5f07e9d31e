import { describe, expect, it } from "vitest";
import { glyphOf } from "./accents.js";
import { glyphs } from "./font.js";
import { charactersWithoutGlyph, drawText, textWidth, wrapText } from "./text.js";

describe("text", () => {
  it("has all of printable ASCII, in glyphs of equal height and even rows", () => {
    expect([...glyphs.keys()].slice(0, 95).join("")).toBe(
      Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join(""),
    );
    for (const [character, glyph] of glyphs) {
      expect(glyph, character).toHaveLength(9);
      expect(new Set(glyph.map((row) => row.length)).size, character).toBe(1);
      expect(glyph.flat().some(Boolean), character).toBe(character !== " ");
    }
    expect(new Set([...glyphs.values()].map((glyph) => JSON.stringify(glyph))).size).toBe(glyphs.size);
  });

  it("wraps at spaces, and within words that are too long", () => {
    const width = textWidth("a yellow", 1);
    expect(wrapText("a yellow  belly\nand wings", width, 9, 1)).toEqual([
      "a yellow",
      "belly",
      "and",
      "wings",
    ]);
    const broken = wrapText("x".repeat(50), width, 99, 1);
    expect(broken.join("")).toBe("x".repeat(50));
    for (const line of broken) expect(textWidth(line, 1)).toBeLessThanOrEqual(width);
    expect(wrapText("  ", width, 3, 1)).toEqual([]);
    expect(wrapText("ab", 1, 5, 1)).toEqual(["a", "b"]);
  });

  it("ends in dots if it does not fit", () => {
    const width = textWidth("a small bird", 2);
    const lines = wrapText("a small bird ".repeat(5000), width, 2, 2);
    expect(lines).toEqual(["a small bird", "a small bir..."]);
    expect(textWidth(lines[1]!, 2)).toBeLessThanOrEqual(width);
  });

  it("replaces characters that the font does not have by similar ones, or by a question mark", () => {
    expect(wrapText("Größe “naïve” – ﬁt 鳥\ud800👩‍🎨", 1000, 1, 1)).toEqual(['Größe "naïve" - fit ????']);
    expect(charactersWithoutGlyph("Größe “naïve” – ﬁt 鳥 ά х")).toEqual(["鳥", "ά", "х"]);
  });

  it("has the letters of the languages in Latin script, each different from all others", () => {
    const letters =
      "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿĀāĂăĄąĆćĊċČčĎďĐđĒēĖėĘęĚěĞğĠġģĦħĪīĮįİıĶķĻļĽľŁłŃńŅņŇňŌōŐőŒœŔŕŘř" +
      "ŚśŞşŠšŢţŤťŪūŮůŰűŲųŵŷŸŹźŻżŽžȘșȚțẠạẢảẤấẦầẨẩẪẫẬậẮắẶặẸẹẺẻẼẽẾếỀềỂểỄễỆệỈỉỊịỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợỤụỦủỨứỪừỬửỮữỰựỲỳỶỷỸỹỴỵ";
    expect(charactersWithoutGlyph(letters)).toEqual([]);
    const all = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", ...letters];
    const drawn = all.map((letter) => JSON.stringify(glyphOf(letter)));
    const twins = all.filter((_, i) => drawn.indexOf(drawn[i]!) !== i);
    expect(twins.join("")).toBe("ȘșȚț"); // Comma and cedilla are one mark.
  });

  it("is clipped at the edge of the canvas", () => {
    const canvas = { pixels: Buffer.alloc(5 * 5 * 3), width: 5, height: 5 };
    drawText(canvas, "####", -3, -3, 4, [255, 0, 0]);
    expect(canvas.pixels.some((byte) => byte > 0)).toBe(true);
  });
});
