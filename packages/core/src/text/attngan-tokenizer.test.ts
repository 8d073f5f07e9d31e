import { describe, expect, it } from "vitest";
import { hasAttnganWords, tokenizeAttngan, wordsLostByAttngan } from "./attngan-tokenizer.js";

describe("the tokenizer attngan", () => {
  it.each([
    ["This bird has a RED crown.", ["this", "bird", "has", "a", "red", "crown"]],
    ["black-and-white, it's_1 2nd", ["black", "and", "white", "it", "s_1", "2nd"]],
    ["a café naïve", ["a", "caf", "nave"]],
    ["cafe\u0301s", ["cafe", "s"]],
    ["red\ufffd\ufffdbill", ["red", "bill"]],
    ["🐦 a 👩‍👩‍👧 bird 🇫🇷", ["a", "bird"]],
    ["\u202eطائر أحمر\u202c red", ["red"]],
    ["赤い鳥", []],
    ["", []],
    ["\u212a", ["k"]], // the kelvin sign, in lower case
    [" \t\n…!?", []],
    ["constructor __proto__ <end>", ["constructor", "__proto__", "end"]],
  ])("%j", (text, tokens) => {
    expect(tokenizeAttngan(text)).toEqual(tokens);
    expect(hasAttnganWords(text)).toBe(tokens.length > 0);
  });

  it("handles very long texts", () => {
    expect(tokenizeAttngan("small bird ".repeat(500_000))).toHaveLength(1_000_000);
    expect(tokenizeAttngan("é".repeat(1_000_000))).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["This bird has a RED crown, it's_1 2nd; don’t…", []],
    ["Un ÉTÉ à Liège, un été", ["été", "à", "liège"]],
    ["cafe\u0301s đỏ", ["cafe\u0301s", "đỏ"]],
    ["一只红色的小鸟 0 IMG", ["一只红色的小鸟"]],
    ["लाल bird طائر", ["लाल", "طائر"]],
    ["🐦 a ❤️ 1️⃣ 👩‍👩‍👧 bird", []],
    ["\u212a", []],
    ["x² ﬁne", ["x²", "ﬁne"]],
    ["", []],
  ])("names the words that it drops or shortens: %j", (text, lost) => {
    expect(wordsLostByAttngan(text)).toEqual(lost);
  });
});
