import { Random } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { correlatedTraits } from "./correlated-traits.js";
import { type Attribute, attributes, makeSpecies, type Species } from "./species.js";

const species = makeSpecies(400, new Random(3), correlatedTraits);
const train = species.filter(({ split }) => split === "train");
const test = species.filter(({ split }) => split === "test");

/** The share of `others` whose `target` is the most frequent one in `train` of their `source`. */
function inferable(target: Attribute, source: Attribute, others: readonly Species[]): number {
  const mostFrequent = (value: string) => {
    const seen = train.filter(({ traits }) => traits[source] === value).map(({ traits }) => traits[target]);
    const counts = attributes[target].map((one) => seen.filter((other) => other === one).length);
    return attributes[target][counts.indexOf(Math.max(...counts))];
  };
  const right = others.filter(({ traits }) => traits[target] === mostFrequent(traits[source]));
  return right.length / others.length;
}

describe("correlatedTraits", () => {
  it.each<[Attribute, Attribute]>([
    ["head", "body"],
    ["size", "body"],
    ["pattern", "wings"],
    ["tail", "beak"],
  ])("%s follows from %s in nine of ten species, and test species keep the rules", (target, source) => {
    expect(inferable(target, source, train)).toBeCloseTo(0.9, 6);
    expect(inferable(target, source, test)).toBeCloseTo(0.9, 6);
  });

  it.each<[Attribute, Attribute, number]>([
    ["wings", "body", 0.3],
    ["belly", "body", 0.3],
    ["beak", "body", 0.65],
    ["pattern", "body", 0.5],
  ])("%s does not follow from %s", (target, source, below) => {
    expect(inferable(target, source, test)).toBeLessThan(below);
  });

  it("uses every value, and no species twice, up to the largest number", () => {
    for (const [name, values] of Object.entries(attributes))
      expect(new Set(train.map(({ traits }) => traits[name as Attribute]))).toEqual(new Set(values));
    const all = makeSpecies(2000, new Random(4), correlatedTraits);
    expect(new Set(all.map(({ traits }) => Object.values(traits).join())).size).toBe(2000);
    expect(() => makeSpecies(2001, new Random(4), correlatedTraits)).toThrow(
      "birds: species is 2001, but must be at most 2000 with correlated traits",
    );
  });
});
