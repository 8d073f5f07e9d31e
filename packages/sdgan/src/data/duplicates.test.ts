import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Example, Split } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { prepare } from "./prepare.js";
import { openPrepared } from "./prepared.js";

const root = mkdtempSync(join(tmpdir(), "sdgan-duplicates-"));
let out: string;
let count = 0;
beforeEach(() => {
  out = join(root, String(count++));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An image in `split` with this first byte; images of the same byte are identical. */
function image(id: string, split: Split, red: number, ...texts: string[]): Example {
  const captions = texts.length > 0 ? texts.map((text) => ({ text })) : undefined;
  return { ...example(id, () => mapped(red, 19), captions), split };
}

const mixed = () => [
  image("a", "train", 1, "one image", "the same"),
  image("b", "train", 2),
  image("c", "train", 1, "the same", "🐦", "another caption"),
  image("d", "test", 3),
  image("e", "train", 3, "a word that is lost"),
  image("f", "val", 3),
  image("g", "val", 4),
  image("h", "train", 4),
  image("i", "train", 3),
  image("j", "test", 3, "the same image"),
];

const options = { size: 16, val: 0 };

/** The images of a split: id, first byte and captions. */
function content(split: Split): [id: string, red: number, captions: string[]][] {
  const { images, pixels } = openPrepared(out).splits[split];
  return [...images].map(({ id, captions }, i) => [id, pixels(i)[0]!, captions.map(({ text }) => text)]);
}

describe("identical images", () => {
  it("are counted, and stay", async () => {
    const summary = await prepare(sourceOf(mixed()), { ...options, out });
    // e, i and f are in test; h is in val.
    expect(summary.duplicates).toEqual({ acrossSplits: 4, first: ["e", "d"], withinTrain: 2 });
    expect(summary.images).toEqual({ train: 6, val: 2, test: 2 });
    expect(summary.skipped).toEqual([]);
    expect(Object.keys(JSON.parse(readFileSync(join(out, "index.json"), "utf8")).summary)).not.toContain(
      "duplicates",
    );
  });

  it("are not reported where there are none", async () => {
    const summary = await prepare(sourceOf([image("a", "train", 1), image("b", "test", 2)]), {
      ...{ ...options, out },
    });
    expect(summary.duplicates).toEqual({ acrossSplits: 0, withinTrain: 0 });
  });
});

describe("dedupe", () => {
  it("keeps the first in the order test, val, train, with the captions of its split", async () => {
    const summary = await prepare(sourceOf(mixed()), { ...options, out, dedupe: true });
    expect(content("train")).toEqual([
      ["a", 1, ["one image", "the same", "another caption"]],
      ["b", 2, ["image b"]],
    ]);
    expect(content("val")).toEqual([["g", 4, ["image g"]]]);
    expect(content("test").map(([id, red]) => [id, red])).toEqual([["d", 3]]);
    expect(summary).toMatchObject({
      ...{ images: { train: 2, val: 1, test: 1 }, emptyCaptions: 1 },
      duplicates: { acrossSplits: 0, withinTrain: 0 },
    });
    const skipped = [
      { id: "c", reason: "has the same pixels as a, which has its captions now" },
      { id: "e", reason: "has the same pixels as d of the split test" },
      { id: "f", reason: "has the same pixels as d of the split test" },
      { id: "h", reason: "has the same pixels as g of the split val" },
      { id: "i", reason: "has the same pixels as d of the split test" },
      { id: "j", reason: "has the same pixels as d, which has its captions now" },
    ];
    expect(summary.skipped).toEqual(skipped);
    const lines = readFileSync(join(out, "skipped.jsonl"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(skipped);
  });

  it("changes nothing where all images differ", async () => {
    const different = () => sourceOf([image("a", "train", 1), image("b", "train", 2), image("c", "test", 3)]);
    await prepare(different(), { ...options, out });
    const before = readFileSync(join(out, "index.json"), "utf8");
    await prepare(different(), { ...options, out, dedupe: true });
    expect(readFileSync(join(out, "index.json"), "utf8")).toBe(before);
  });

  it("gives the same bytes after an interruption, also one without the option", async () => {
    await prepare(sourceOf(mixed()), { ...options, out, dedupe: true });
    const files = ["index.json", "train.jsonl", "train.pixels", "test.pixels", "skipped.jsonl"];
    const read = () => files.map((file) => readFileSync(join(out, file)).toString("latin1"));
    const expected = read();
    rmSync(out, { recursive: true });
    const abort = new AbortController();
    const onProgress = ({ done }: { done: number }) => done === 5 && abort.abort();
    const interrupted = prepare(sourceOf(mixed()), { ...options, out, signal: abort.signal, onProgress });
    await expect(interrupted).rejects.toThrow("interrupted");
    let resumed = 0;
    await prepare(sourceOf(mixed()), {
      ...{ ...options, out, dedupe: true },
      onResume: ({ images }) => {
        resumed = images;
      },
    });
    expect(resumed).toBe(5);
    expect(read()).toEqual(expected);
  });

  it("works where every training image is a test image", async () => {
    const both = [image("a", "train", 1, "red"), image("b", "test", 1, "red bird")];
    const summary = await prepare(sourceOf(both), { ...options, out, dedupe: true });
    expect(summary.images).toEqual({ train: 0, val: 0, test: 1 });
    expect(content("test")).toEqual([["b", 1, ["red bird"]]]);
  });
});

it("an unusable background is refused before anything is read", async () => {
  const unread = { ...sourceOf([]), examples: () => expect.fail("was read") };
  await expect(prepare(unread, { ...options, out, background: "redd" })).rejects.toThrow(
    '--background: "redd" is not a CSS colour. Give a colour such as white',
  );
});
