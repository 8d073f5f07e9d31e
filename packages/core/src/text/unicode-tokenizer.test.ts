import { describe, expect, it } from "vitest";
import { Random } from "../random.js";
import { tokenizeAttngan } from "./attngan-tokenizer.js";
import { hasUnicodeWords, tokenizeUnicode } from "./unicode-tokenizer.js";

describe("the tokenizer unicode", () => {
  it.each<[string, string[]]>([
    // English
    ["This bird has a RED crown.", ["this", "bird", "has", "a", "red", "crown"]],
    ["black-and-white, 2nd a_b", ["black", "and", "white", "2nd", "a", "b"]],
    ["don't, DON’T, donʼt and don＇t", ["don't", "don't", "don't", "and", "don't"]],
    ["rock'n'roll 'tis dogs' it''s ’ '", ["rock'n'roll", "tis", "dogs", "it", "s"]],
    ["constructor __proto__ <end>", ["constructor", "proto", "end"]],
    // Letters with marks, in one code point or several
    ["café CAFÉ cafe\u0301", ["café", "café", "café"]],
    ["ﬁne Ⅷ ½ x² ℹ", ["fine", "viii", "1", "2", "x2", "i"]],
    ["STRASSE Straße İstanbul ΌΔΟΣ", ["strasse", "straße", "i\u0307stanbul", "όδος"]],
    ["\u212a", ["k"]], // the kelvin sign
    // Scripts with spaces
    ["Красное сердце, м'ята", ["красное", "сердце", "м'ята"]],
    ["लाल दिल हिन्दी", ["लाल", "दिल", "हिन्दी"]],
    ["طائر أحمر", ["طائر", "أحمر"]],
    ["قَلْبٌ", ["قَلْبٌ"]],
    ["می\u200cخواهم میخواهم", ["میخواهم", "میخواهم"]],
    ["ශ්\u200dරී லவ் ప్రేమ", ["ශ්රී", "லவ்", "ప్రేమ"]],
    ["빨간 하트 \u1112\u1161\u11ab", ["빨간", "하트", "한"]],
    ["לב אדום", ["לב", "אדום"]],
    ["४२ ٤٢ ４２", ["४२", "٤٢", "42"]],
    // Scripts without spaces
    ["赤い鳥", ["赤", "い", "鳥"]],
    ["ﾊﾞｰが3羽、Tシャツ", ["バ", "ー", "が", "3", "羽", "t", "シ", "ャ", "ツ"]],
    ["か\u3099 と が", ["が", "と", "が"]],
    ["が\u{20bb7}〇々", ["が", "\u{20bb7}", "〇", "々"]],
    ["หัวใจสีแดง ๑๒", ["หั", "ว", "ใ", "จ", "สี", "แ", "ด", "ง", "๑๒"]],
    ["ຫົວໃຈ", ["ຫົ", "ວ", "ໃ", "ຈ"]],
    ["បេះដូង ខ្មែរ ក្រហម", ["បេះ", "ដូ", "ង", "ខ្មែ", "រ", "ក្រ", "ហ", "ម"]],
    ["မြန်မာ သတ္တိ", ["မြ", "န်", "မာ", "သ", "တ္တိ"]],
    // Invisible characters
    ["a\u200db s\u00adoft z\u200bw \u202eطائر\u202c \u3164", ["ab", "soft", "z", "w", "طائر"]],
    // No words
    ["🐦 a 👩‍👩‍👧 bird 🇫🇷 ❤️", ["a", "bird"]],
    ["❤️👍🏽1️⃣", ["1"]],
    ["\u0301 \u20e3 \ufe0f", []],
    ["\ud800 \udc00x\ud800", ["x"]],
    ["red\ufffd\ufffdbill", ["red", "bill"]],
    [" \t\n…!?", []],
    ["", []],
  ])("%j", (text, tokens) => {
    const expected = tokens.map((token) => token.normalize("NFKC"));
    expect(tokenizeUnicode(text)).toEqual(expected);
    expect(hasUnicodeWords(text)).toBe(tokens.length > 0);
    expect(tokenizeUnicode(tokenizeUnicode(text).join(" "))).toEqual(expected);
  });

  it("gives valid words for random text", () => {
    const random = new Random(0, "texts");
    const planes = [0x80, 0x800, 0x2100, 0x3200, 0x10000, 0x20000, 0x30000];
    for (let i = 0; i < 3000; i++) {
      const characters = Array.from({ length: 1 + random.below(8) }, () => random.below(random.pick(planes)));
      const text = String.fromCodePoint(...characters);
      const tokens = tokenizeUnicode(text);
      expect(tokenizeUnicode(tokens.join(" "))).toEqual(tokens);
      expect(hasUnicodeWords(text)).toBe(tokens.length > 0);
      const word = /^[^\s\p{Cc}\p{P}\p{S}]+('[^\s\p{Cc}\p{P}\p{S}]+)*$/u;
      expect(tokens.filter((token) => !word.test(token))).toEqual([]);
    }
  });

  it("gives the same words with and without the fast path for ASCII", () => {
    const random = new Random(1, "texts");
    for (let i = 0; i < 1000; i++) {
      const characters = Array.from({ length: 12 }, () =>
        random.pick(["a", "B", "7", "'", "-", "_", " ", ".", "\n"]),
      );
      const text = characters.join("");
      const slow = tokenizeUnicode(`${text} é`);
      expect(slow.pop()).toBe("é");
      expect(tokenizeUnicode(text)).toEqual(slow);
      if (!/['_]/.test(text)) expect(tokenizeUnicode(text)).toEqual(tokenizeAttngan(text));
    }
  });

  it("handles very long texts", () => {
    expect(tokenizeUnicode("small bird ".repeat(500_000))).toHaveLength(1_000_000);
    expect(tokenizeUnicode("é".repeat(2_000_000))).toEqual(["é".repeat(2_000_000)]);
    expect(tokenizeUnicode("鳥".repeat(1_000_000))).toHaveLength(1_000_000);
    expect(tokenizeUnicode(`a${"\u0301".repeat(1_000_000)}'`)).toHaveLength(1);
  });
});
