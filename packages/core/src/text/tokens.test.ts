import { describe, expect, it } from "vitest";
import { quote } from "./quote.js";
import { hasWords, tokenize } from "./tokens.js";

describe("tokenize", () => {
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
    ["\u212a", ["k"]], // the sign of kelvins, in lower case
    [" \t\n…!?", []],
    ["constructor __proto__ <end>", ["constructor", "__proto__", "end"]],
  ])("%j", (text, tokens) => {
    expect(tokenize(text)).toEqual(tokens);
    expect(hasWords(text)).toBe(tokens.length > 0);
  });

  it("takes very long texts", () => {
    expect(tokenize("small bird ".repeat(500_000))).toHaveLength(1_000_000);
    expect(tokenize("é".repeat(1_000_000))).toEqual([]);
  });
});

describe("quote", () => {
  it.each([
    ["plain", '"plain"'],
    ["a\nb\x1b[31m\u202ec\ud800", '"a\\nb\\u{1b}[31m\\u{202e}c\\u{d800}"'],
    ["👩‍👩‍👧", '"👩‍👩‍👧"'],
    ["🐦".repeat(61), `"${"🐦".repeat(60)}…"`],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(5_000_000), `"${"x".repeat(60)}…"`],
  ])("%#", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });
});
