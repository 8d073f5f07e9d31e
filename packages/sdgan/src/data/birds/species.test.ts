import { Random } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { attributes, makeSpecies, type Species } from "./species.js";

describe("makeSpecies", () => {
  const all = makeSpecies(200, new Random(0));
  const train = all.filter(({ split }) => split === "train");
  const test = all.filter(({ split }) => split === "test");

  it("uses three quarters for training", () => {
    expect([train.length, test.length]).toEqual([150, 50]);
    expect(makeSpecies(6, new Random(0)).filter(({ split }) => split === "train")).toHaveLength(4);
  });

  it("makes all species different, so that training has no test species", () => {
    expect(new Set(all.map(combination)).size).toBe(200);
    expect(new Set(all.map(({ name }) => name)).size).toBe(200);
  });

  it.each([200, 624, 625, 5000])(
    "distributes the values of each attribute evenly in each split of %i",
    (count) => {
      const some = makeSpecies(count, new Random(0));
      for (const [name, values] of Object.entries(attributes)) {
        for (const split of ["train", "test"]) {
          const species = some.filter((one) => one.split === split);
          for (const value of values) {
            const count = species.filter(
              ({ traits }) => traits[name as keyof typeof attributes] === value,
            ).length;
            expect(Math.abs(count - species.length / values.length), `${name} ${value}`).toBeLessThan(1);
          }
        }
      }
    },
  );

  it.each([624, 625, 5000])("finds %i different species", (count) => {
    expect(new Set(makeSpecies(count, new Random(0)).map(combination)).size).toBe(count);
  });
});

function combination({ traits }: Species): string {
  return Object.values(traits).join();
}
