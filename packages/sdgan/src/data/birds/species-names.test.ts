import { Random } from "@sdgan/core";
import { expect, it } from "vitest";
import { attributes } from "./species.js";
import { mostSpecies, speciesNames } from "./species-names.js";

it("there are enough names, all different, and none contains an attribute's value", () => {
  const names = speciesNames(mostSpecies, new Random(0));
  expect(new Set(names).size).toBe(mostSpecies);
  for (const value of Object.values(attributes).flat())
    expect(names.filter((name) => name.toLowerCase().includes(value))).toEqual([]);
});

it("up to 624 species are of the first lists, whose names a seed keeps", () => {
  const few = speciesNames(624, new Random(0));
  expect(new Set(few).size).toBe(624);
  expect(new Set(few.map((name) => name.split(" ")[0])).size).toBe(26);
  expect(speciesNames(200, new Random(0))).toEqual(few.slice(0, 200));
  expect(new Set(speciesNames(625, new Random(0)).map((name) => name.split(" ")[0])).size).toBeGreaterThan(
    26,
  );
});
