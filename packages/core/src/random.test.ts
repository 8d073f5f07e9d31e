import { expect, it } from "vitest";
import { Random } from "./random.js";

const list = (random: Random, count = 5) => Array.from({ length: count }, () => random.uint32());

// Prepared data and trainings depend on these numbers: they must never change.
it("has the recorded numbers on every machine", () => {
  expect(list(new Random(0))).toEqual([621066693, 3104786331, 1888475217, 2123336524, 1275882654]);
  expect(list(new Random(7, "birds", 3))).toEqual([
    499674360, 4264566413, 3086770433, 3837228587, 2508809088,
  ]);
  expect(new Random(1, "order").shuffled([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([4, 0, 6, 3, 1, 5, 2, 7]);
});

it("has one stream for each seed and list of labels", () => {
  const streams = [
    ...[new Random(0), new Random(1), new Random(0, "a"), new Random(0, "a", 1), new Random(0, "a", 2)],
    new Random(2 ** 52),
  ].map((random) => list(random).join());
  expect(new Set(streams).size).toBe(streams.length);
});

it("resumes from its state", () => {
  const random = new Random(3);
  list(random);
  const other = new Random(4);
  other.state = random.state;
  expect(list(other)).toEqual(list(random));
});

it("is uniform", () => {
  const random = new Random(5);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(27.9); // exceeded by one sample in a thousand
});
