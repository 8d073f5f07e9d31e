import { describe, expect, it } from "vitest";
import { type Atom, wrap } from "./wrap.js";

/** Characters of 10 pixels; lines may begin at the places of "/" in `text`. */
function atomsOf(text: string): Atom[] {
  return text
    .split("/")
    .flatMap((word) => [...word].map((character, i) => ({ text: character, width: 10, breaks: i === 0 })));
}

const dots = { text: "…", width: 10 };
const texts = (text: string, width: number, maxLines = 9) =>
  wrap(atomsOf(text), width, maxLines, dots).map((line) => line.text);

describe("wrap", () => {
  it("breaks at spaces, and where a line may begin", () => {
    expect(texts("大笑/的/脸，/眼睛", 30)).toEqual(["大笑的", "脸，", "眼睛"]);
    expect(texts("ab cd", 40)).toEqual(["ab", "cd"]);
    expect(texts(" ab  c ", 40)).toEqual(["ab", "c"]);
  });

  it("breaks within what is too wide", () => {
    expect(texts("abcdefg/hi", 30)).toEqual(["abc", "def", "ghi"]);
    expect(texts("ab", 5)).toEqual(["a", "b"]);
  });

  it("ends in dots if it does not fit", () => {
    expect(texts("ab cd ef", 30, 2)).toEqual(["ab", "cd…"]);
    expect(texts("abcdef", 30, 1)).toEqual(["ab…"]);
    expect(texts("ab cd", 5, 1)).toEqual([""]);
  });

  it("returns the width of each line", () => {
    expect(wrap(atomsOf("ab cd ef"), 30, 2, dots).map(({ width }) => width)).toEqual([20, 30]);
  });
});
