import { Vocabulary } from "@sdgan/core";
import { expect, it } from "vitest";
import { marked } from "./mark.js";

const marks = (prompt: string, unknown: string[], lost: string[] = []) =>
  marked(prompt, { unknown, lost })
    .map(({ text, ignored }) => (ignored ? `[${ignored === "lost" ? "-" : ""}${text}]` : text))
    .join("");

it("marks unknown words where they are, whatever their case", () => {
  expect(marks("A Mauve bird, mauve-winged: MAUVES", ["mauve"])).toBe(
    "A [Mauve] bird, [mauve]-winged: MAUVES",
  );
  expect(marks("don’t fly, don't", ["don't"])).toBe("[don’t] fly, [don't]");
  expect(marks("rosé bird", [], ["rosé"])).toBe("[-rosé] bird");
});

it("marks characters of scripts without spaces", () => {
  expect(marks("红色的鸟 bird", ["鸟", "的"])).toBe("红色[的鸟] bird");
});

it("loses nothing of the prompt", () => {
  for (const prompt of ["", "  a\n b ", "🐦 x", "ﬁsh ＡＢＣ", "a\u0301bc"])
    expect(
      marked(prompt, { unknown: ["fish", "abc", "x"], lost: [] })
        .map(({ text }) => text)
        .join(""),
    ).toBe(prompt);
});

it("finds the words that the model's tokenizer does not know", () => {
  const vocabulary = Vocabulary.build(["a red bird", "红 鸟"], "unicode");
  for (const prompt of ["A rouge bird with ÉCLAT", "红色鸟", "ﬁne bird", "l'oiseau rouge", "Straße 25"]) {
    const { unknown } = vocabulary.read(prompt);
    const found = marked(prompt, { unknown, lost: [] }).flatMap(({ text, ignored }) => (ignored ? text : []));
    const again = [...new Set(found.flatMap((text) => vocabulary.read(text).unknown))];
    expect(again.sort(), prompt).toEqual([...unknown].sort());
  }
});
