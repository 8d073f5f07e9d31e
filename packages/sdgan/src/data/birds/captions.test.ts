import { Random, tokenizers } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { understand } from "../../testing/bird-captions.js";
import { captionVariants, writeCaptions } from "./captions.js";
import { type Attribute, attributes, makeSpecies } from "./species.js";

describe("writeCaptions", () => {
  const images = makeSpecies(200, new Random(1)).map(({ traits }, i) => {
    return { traits, captions: writeCaptions(traits, 10, new Random(1, i)) };
  });
  const captions = images.flatMap((image) => image.captions);

  it("writes ten different captions of at most eighteen plain words", () => {
    for (const image of images) {
      expect(new Set(image.captions.map(({ text }) => text)).size).toBe(10);
    }
    for (const { text } of captions) {
      expect(text).toMatch(/^[a-z]+(,? [a-z]+)*$/);
      expect(text.split(" ").length, text).toBeLessThanOrEqual(18);
      expect(text).not.toMatch(/\ba [aeiou]|\ban [^aeiou]/);
    }
  });

  it("results in the same words with every tokenizer", () => {
    for (const { text } of captions)
      expect(tokenizers.unicode.tokenize(text)).toEqual(tokenizers.attngan.tokenize(text));
  });

  it("names two to five attributes correctly: exactly those in `names`", () => {
    for (const { traits, captions } of images) {
      for (const { text, names } of captions) {
        expect(names!.length).toBeGreaterThanOrEqual(2);
        expect(names!.length).toBeLessThanOrEqual(5);
        const said = Object.fromEntries(names!.map((name) => [name, traits[name as Attribute]]));
        expect(understand(text), text).toEqual(said);
      }
    }
  });

  it("names the four colours about equally often, and each of the others about half as often", () => {
    const counts = Object.keys(attributes).map(
      (name) => captions.filter(({ names }) => names!.includes(name)).length,
    );
    const [body, wings, head, belly, ...others] = counts.map((count) => count / captions.length) as number[];
    for (const share of [body, wings, head, belly]) expect(share).toBeCloseTo(0.56, 1);
    for (const share of others) expect(share).toBeCloseTo(0.32, 1);
  });

  it("has many different openings", () => {
    const openings = new Set(captions.map(({ text }) => text.split(" ").slice(0, 2).join(" ")));
    for (const opening of ["a bird", "this is", "the bird", "bird with", "this small", "its head"]) {
      expect(openings).toContain(opening);
    }
  });
});

describe("captionVariants", () => {
  it("differ in one attribute's words alone", () => {
    const traits = makeSpecies(4, new Random(1, "birds", "species"))[0]!.traits;
    const random = () => new Random(5, "variants");
    const variants = captionVariants("head", { names: ["head", "tail"], traits, random });
    expect(variants).toHaveLength(10);
    expect(new Set(variants).size).toBe(10);
    for (const [i, colour] of attributes.head.entries()) {
      const others = variants[i]!.split(" ").filter((word, at) => word !== variants[0]!.split(" ")[at]);
      expect(others.length, variants[i]).toBeLessThanOrEqual(2); // The colour, and "a" or "an".
      if (!["red", "yellow", "pink", "brown", "gray"].includes(colour)) expect(variants[i]).toContain(colour);
    }
  });
});
