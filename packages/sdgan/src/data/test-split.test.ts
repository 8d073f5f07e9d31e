import { expect, it } from "vitest";
import type { Example, Source, Split } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { splitByHash } from "./folder/split.js";
import { nameHash } from "./name-hash.js";
import { cutTest, cutValidation } from "./validation.js";

/** A source with the images `id → [split, class]`. */
function given(images: Record<string, [split: Split, className: string]>, name = "folder"): Source {
  const classes = [...new Set(Object.values(images).map(([, className]) => className))];
  const examples = Object.entries(images).map(([id, [split, className]], i): Example => {
    return { ...example(id, () => mapped(i % 200, 8)), split, classId: classes.indexOf(className) };
  });
  const listing = examples.map(({ id, split, classId }) => ({ id, split, classId }));
  return { ...sourceOf(examples), name, classes, listing };
}

/** Training images, each of a class of its own. */
const training = (count: number) =>
  given(Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.png`, ["train", `${i}.png`]])));

/** Split → ids after both cuts. Checks that the listing and the examples agree. */
async function splitsOf(source: Source, val = 0.05): Promise<Record<Split, string[]>> {
  const { source: tested, setAside } = cutTest(source);
  const cut = cutValidation(tested, val, { keep: setAside ? 2 : 1 });
  const splits: Record<Split, string[]> = { train: [], val: [], test: [] };
  for await (const { id, split } of cut.examples()) splits[split].push(id);
  for (const { id, split } of cut.listing!) expect(splits[split]).toContain(id);
  return splits;
}

it("takes one in ten training images, those with the smallest hashes, at least one and never all", async () => {
  const counts: number[][] = [];
  for (const count of [0, 1, 2, 3, 4, 9, 14, 40]) {
    const { train, val, test } = await splitsOf(training(count));
    counts.push([count, train.length, val.length, test.length]);
  }
  expect(counts).toEqual([
    [0, 0, 0, 0],
    [1, 1, 0, 0],
    [2, 1, 0, 1],
    [3, 2, 0, 1],
    [4, 2, 1, 1],
    [9, 7, 1, 1],
    [14, 12, 1, 1],
    [40, 34, 2, 4],
  ]);
  const { train, val, test } = await splitsOf(training(40));
  const largest = Math.max(...test.map(nameHash));
  expect([...train, ...val].every((id) => nameHash(id) > largest)).toBe(true);
  expect(cutTest(training(40)).setAside).toEqual({ images: 4, of: 40, by: "image" });
  expect((await splitsOf(training(40), 0)).test).toEqual(test);
});

it("leaves a source that has a test split alone, and one that is a test split on purpose", () => {
  const both = given({ a: ["train", "a"], b: ["train", "b"], c: ["test", "c"] });
  const onlyTest = given(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}`, ["test", `${i}`]])));
  const onlyVal = given({ a: ["val", "a"], b: ["val", "b"] });
  for (const source of [both, onlyTest, onlyVal]) expect(cutTest(source)).toEqual({ source });
});

it("takes whole classes if the validation split has classes of its own, and images of a single class", () => {
  const images: Record<string, [Split, string]> = {};
  for (let i = 0; i < 60; i++) images[`${i}`] = i < 50 ? ["train", `class ${i % 20}`] : ["val", "held"];
  const { source, setAside } = cutTest(given(images));
  expect(setAside).toEqual({ images: expect.any(Number), of: 50, by: "class" });
  const classesOf = (wanted: Split) =>
    new Set(source.listing!.flatMap(({ split, classId }) => (split === wanted ? classId : [])));
  expect(classesOf("test").size).toBe(2);
  expect(classesOf("train").size).toBe(18);
  const ownClasses = given({ a: ["train", "a"], b: ["train", "b"], c: ["val", "c"] });
  expect(cutTest(ownClasses).setAside).toEqual({ images: 1, of: 2, by: "image" });
  const one = given({ a: ["train", "x"], b: ["train", "x"], c: ["train", "x"], d: ["val", "y"] });
  expect(cutTest(one).setAside).toEqual({ images: 1, of: 3, by: "image" });
});

it("does not leave one or two images without training because of their hashes", async () => {
  const unlucky = Array.from({ length: 200 }, (_, i) => `${i}.png`).filter(
    (id) => splitByHash(id) === "test",
  );
  const [a, b] = unlucky as [string, string];
  expect(await splitsOf(given({ [a]: ["test", a] }))).toEqual({ train: [a], val: [], test: [] });
  const two = await splitsOf(given({ [a]: ["test", a], [b]: ["test", b] }));
  expect([two.train.length, two.val.length, two.test.length]).toEqual([1, 0, 1]);
  // Only sources that split by the hash.
  const published = given({ [a]: ["test", a] }, "coco");
  expect(cutTest(published)).toEqual({ source: published });
});

it("does not set aside what is known to be unusable, and does not count it", async () => {
  const source = training(12);
  const chosen = (await splitsOf(source)).test;
  const listing = source.listing!.map((one) =>
    chosen.includes(one.id) ? { ...one, unusable: true as const } : one,
  );
  const { source: cut, setAside } = cutTest({ ...source, listing });
  expect(setAside).toEqual({ images: 1, of: 11, by: "image" });
  const test = cut.listing!.filter(({ split }) => split === "test");
  expect(test).toHaveLength(1);
  expect(chosen).not.toContain(test[0]!.id);
});
