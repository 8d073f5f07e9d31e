import { expect, it } from "vitest";
import type { Example } from "../dataset.js";
import { example, mapped, sourceOf } from "../fixtures.js";
import { cutValidation } from "../validation.js";
import { type HoldOut, splitsOf } from "./hold-out.js";

const things = Array.from({ length: 300 }, (_, i) => (0x1f300 + i).toString(16));

/** The splits of `count` images of each thing. */
function splits(holdOut: HoldOut, count: number) {
  return things.map((key) => {
    const ids = Array.from({ length: count }, (_, i) => `set${i}/${key}`);
    const split = splitsOf(key, ids, holdOut);
    return ids.map((id) => split.get(id)!);
  });
}

const share = (all: string[][]) => all.flat().filter((split) => split === "test").length / all.flat().length;

it("holds out one in ten images, of things that training sees", () => {
  for (const count of [1, 2, 5]) {
    const all = splits("renderings", count);
    expect(all.every((some) => some.includes("train"))).toBe(true);
    if (count > 1) expect(Math.abs(share(all) - 0.1)).toBeLessThan(0.03);
    else expect(share(all)).toBe(0);
  }
  expect(splits("renderings", 5).some((some) => some.includes("test"))).toBe(true);
});

it("holds out one in ten things, in all sets", () => {
  const all = splits("things", 3);
  expect(all.every((some) => new Set(some).size === 1)).toBe(true);
  expect(Math.abs(share(all) - 0.1)).toBeLessThan(0.05);
});

it("validation is of images or things, as testing is", () => {
  for (const [holdOut, isWhole] of [
    ["renderings", false],
    ["things", true],
  ] as const) {
    const examples = splits(holdOut, 3).flatMap((some, classId) =>
      some.map(
        (split, i): Example => ({
          ...example(`set${i}/${things[classId]}`, () => mapped(0, 8)),
          split,
          classId,
        }),
      ),
    );
    const { listing } = cutValidation({ ...sourceOf(examples), classes: things, listing: examples }, 0.05);
    const val = listing!.filter(({ split }) => split === "val").map(({ classId }) => classId);
    const train = new Set(listing!.filter(({ split }) => split === "train").map(({ classId }) => classId));
    expect(val.length).toBeGreaterThan(20);
    expect(val.every((classId) => !train.has(classId))).toBe(isWhole);
  }
});
