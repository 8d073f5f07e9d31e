import { expect, it } from "vitest";
import { charactersWithoutFont } from "../images/system-fonts.js";
import { examineFonts } from "./fonts.js";

it("names every language once, as shown or as not shown", async () => {
  const { what, found, advice } = await examineFonts();
  expect([what, advice]).toEqual(["fonts", undefined]);
  const [shown = "", others = ""] = found.split(";");
  const missing = await charactersWithoutFont("笑च");
  for (const [language, letter] of Object.entries({ Chinese: "笑", Hindi: "च" })) {
    expect(others.includes(language)).toBe(missing.has(letter));
    expect(shown.includes(language)).toBe(!missing.has(letter));
  }
  expect(others.includes("fonts-noto-core")).toBe(missing.has("च") && process.platform === "linux");
});
