import { afterEach, expect, it } from "vitest";
import { dictionaries, language, t } from "./index.js";

afterEach(() => {
  language.value = "en";
});

it("every language has the same keys, with the same places for values, and no empty text", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
  const { en, ...others } = dictionaries;
  for (const [name, dictionary] of Object.entries(others)) {
    expect(Object.keys(dictionary), name).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(en)) {
      const translated = dictionary[key as keyof typeof en];
      expect(translated, `${name} ${key}`).not.toBe("");
      expect(places(translated), `${name} ${key}`).toEqual(places(text));
    }
  }
});

it("fills in values, in the page's language", () => {
  expect(t("layer", { number: 3 })).toBe("Layer 3");
  language.value = "zh";
  expect(t("layer", { number: 3 })).toBe("第 3 层");
});
