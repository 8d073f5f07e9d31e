import { Random, tokenizers } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { understand } from "../../testing/bird-captions.js";
import type { Split } from "../dataset.js";
import { paraphraseVariants, writeParaphrases } from "./paraphrases.js";
import { type Attribute, attributes, makeSpecies } from "./species.js";

const birds = makeSpecies(400, new Random(1));
const imagesOf = (split: Split) =>
  birds.map(({ traits }, i) => ({
    traits,
    captions: writeParaphrases(traits, 10, split, new Random(2, split, i)),
  }));
const images = { train: imagesOf("train"), test: imagesOf("test") };
const textsOf = (split: "train" | "test") =>
  images[split].flatMap(({ captions }) => captions.map(({ text }) => text));

describe.each(["train", "test"] as const)("writeParaphrases, split %s", (split) => {
  it("writes ten different captions that name the same two to five attributes, and their true values", () => {
    for (const { traits, captions } of images[split]) {
      expect(new Set(captions.map(({ text }) => text)).size).toBe(10);
      const { names } = captions[0]!;
      expect(names!.length).toBeGreaterThanOrEqual(2);
      expect(names!.length).toBeLessThanOrEqual(5);
      const said = Object.fromEntries(names!.map((name) => [name, traits[name as Attribute]]));
      for (const caption of captions) {
        expect(caption.names).toEqual(names);
        expect(understand(caption.text), caption.text).toEqual(said);
      }
    }
  });

  it("writes at most eighteen plain words, with the right articles and verbs", () => {
    for (const text of textsOf(split)) {
      expect(text).toMatch(/^[a-z]+(,? [a-z]+)*$/);
      expect(text.split(" ").length, text).toBeLessThanOrEqual(18);
      expect(text).not.toMatch(/\ba [aeiou]|\ban [^aeiou]/);
      expect(text).not.toMatch(
        /\b(wings|feathers) (is|has)\b(?! in this image)|\b(head|wing|belly|beak|tail) (are|have)\b/,
      );
      expect(text).not.toMatch(/\ban? ((?!bird|and|with|whose)[a-z]+ )+(wings|feathers)\b/);
      expect(tokenizers.unicode.tokenize(text)).toEqual(tokenizers.attngan.tokenize(text));
    }
  });

  it("varies orders, words and forms between the captions of an image", () => {
    for (const { captions } of images[split]) {
      const openings = new Set(captions.map(({ text }) => text.split(" ").slice(0, 3).join(" ")));
      expect(openings.size, captions[0]!.text).toBeGreaterThan(4);
    }
  });
});

describe("the split test", () => {
  const forms = [
    /^the [a-z ]*bird in this image has/,
    /^this image shows that the/,
    /is in this image$/,
    /^there is [a-z ]*bird whose/,
    /^the [a-z ]+ of this [a-z ]*bird (is|are)/,
  ];
  const words = ["wing feathers", "rich red", "rather long", "very small", "finely barred", "bold spots"];

  it.each([...forms, ...words])("alone has %s", (form) => {
    const has = (split: "train" | "test") => textsOf(split).some((text) => text.match(form));
    expect([has("train"), has("test")]).toEqual([false, true]);
  });

  it("has no word that the training split lacks", () => {
    const wordsOf = (split: "train" | "test") =>
      new Set(textsOf(split).flatMap((text) => tokenizers.unicode.tokenize(text)));
    const known = wordsOf("train");
    expect([...wordsOf("test")].filter((word) => !known.has(word))).toEqual([]);
  });
});

describe("paraphraseVariants", () => {
  const { traits } = birds[0]!;
  const of = (attribute: Attribute, names: Attribute[], seed: number) =>
    paraphraseVariants(attribute, { names, traits, split: "test", random: new Random(seed) });

  it("name one value each, and everything else alike", () => {
    for (const attribute of Object.keys(attributes) as Attribute[])
      for (let seed = 0; seed < 20; seed++) {
        const names = [...new Set<Attribute>([attribute, "head", "tail"])];
        const variants = of(attribute, names, seed);
        const expected = Object.fromEntries(names.map((name) => [name, traits[name]]));
        expect(variants.map(understand)).toEqual(
          attributes[attribute].map((value) => ({ ...expected, [attribute]: value })),
        );
        expect(of(attribute, names, seed)).toEqual(variants);
      }
  });

  it("name the attribute also if the caption does not, and at most five", () => {
    expect(understand(of("size", ["head", "tail"], 3)[1]!)).toEqual({
      ...{ head: traits.head, tail: traits.tail, size: "large" },
    });
    const five = of("beak", ["body", "wings", "head", "belly", "tail"], 3)[0]!;
    expect(Object.keys(understand(five)).sort()).toEqual(["beak", "belly", "body", "head", "wings"]);
  });
});
