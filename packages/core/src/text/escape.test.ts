import { describe, expect, it } from "vitest";
import { quote, visible } from "./escape.js";

describe("visible", () => {
  it.each([
    ["a\nb\tc\r\x1b[31m\x00\x7f\x9b", "a\\nb\\tc\\r\\x1b[31m\\x00\\x7f\\x9b"],
    ["evil\u202etxt\u2028\ud800", "evil\\u202etxt\\u2028\\ud800"],
    ["a\u200bb\u{e0041}\ufeff", "a\\u200bb\\u{e0041}\\ufeff"],
    ["größer, 鳥, طائر, می\u200cخواهم, 👩‍🎨", "größer, 鳥, طائر, می\u200cخواهم, 👩‍🎨"],
  ])("%#", (text, expected) => {
    expect(visible(text)).toBe(expected);
    expect(visible(expected)).toBe(expected);
  });
});

describe("quote", () => {
  it.each([
    ["plain", '"plain"'],
    ["a\nb\x1b[31m\u202ec\ud800", '"a\\nb\\x1b[31m\\u202ec\\ud800"'],
    ["👩‍👩‍👧", '"👩‍👩‍👧"'],
    ["🐦".repeat(61), `"${"🐦".repeat(60)}…"`],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(5_000_000), `"${"x".repeat(60)}…"`],
  ])("%#", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });
});
