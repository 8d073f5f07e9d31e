import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { prepare } from "./prepare.js";
import { openPrepared } from "./prepared.js";

let root: string;
let dir: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "sdgan-prepared-"));
  const examples = [0, 1, 2, 3].map((i) => example(String(i), () => mapped(i, 19)));
  examples[3]!.split = "test";
  await prepare(sourceOf(examples), { out: join(root, "good"), size: 16 });
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  dir = join(root, "copy");
  cpSync(join(root, "good"), dir, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true }));

/** An index of which anything may be changed or taken away. */
// biome-ignore lint/suspicious/noExplicitAny: the tests break it on purpose
type Mutable = any;

function editIndex(edit: (index: Mutable) => void): void {
  const index = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
  edit(index);
  writeFileSync(join(dir, "index.json"), JSON.stringify(index));
}

describe("openPrepared", () => {
  it("reads the same pixels from memory and from the file", () => {
    const inMemory = openPrepared(dir);
    const fromFile = openPrepared(dir, { memoryLimit: 0 });
    for (const i of [2, 0, 1]) {
      const expected = inMemory.splits.train.pixels(i);
      expect(expected[0]).toBe(i);
      expect(fromFile.splits.train.pixels(i)).toEqual(expected);
    }
    expect(fromFile.splits.test.pixels(0)).toEqual(inMemory.splits.test.pixels(0));
    fromFile.close();
  });

  it.each<[string, () => void, RegExp]>([
    ["no index", () => rmSync(join(dir, "index.json")), /copy: is not a prepared folder \(no index\.json\)/],
    [
      "a truncated index",
      () => truncateSync(join(dir, "index.json"), 100),
      /index\.json: cannot be read \(.*JSON/,
    ],
    ["another index", () => writeFileSync(join(dir, "index.json"), "null"), /index\.json: is not the index/],
    [
      "another version",
      () => editIndex((i) => (i.version = 7)),
      /index\.json: has version 7, and this program reads 1/,
    ],
    ["a missing key", () => editIndex((i) => delete i.size), /index\.json: is broken \(.*size/],
    [
      "a wrong token",
      () => editIndex((i) => (i.pictures.train[1].captions[0].tokens = [99])),
      /index\.json: 1 has a word beyond/,
    ],
    [
      "a wrong class",
      () => editIndex((i) => (i.pictures.test[0].classId = 1)),
      /index\.json: 3 is of class 1 of 1/,
    ],
    ["no vocabulary", () => rmSync(join(dir, "vocabulary.json")), /vocabulary\.json: not a vocabulary/],
    ["no pixels", () => rmSync(join(dir, "test.pixels")), /test\.pixels: cannot be read \(ENOENT/],
    [
      "truncated pixels",
      () => truncateSync(join(dir, "train.pixels"), 2000),
      /train\.pixels: has 2000 bytes, and 3 pictures of 1083 bytes make 3249/,
    ],
    ["too many pixels", () => truncateSync(join(dir, "test.pixels"), 2000), /test\.pixels: has 2000 bytes/],
  ])("refuses %s", (_, damage, message) => {
    damage();
    expect(() => openPrepared(dir)).toThrow(UserError);
    expect(() => openPrepared(dir)).toThrow(message);
  });

  it("says so when the file is cut short while it is read", () => {
    const prepared = openPrepared(dir, { memoryLimit: 0 });
    truncateSync(join(dir, "train.pixels"), 2000);
    expect(prepared.splits.train.pixels(0)[0]).toBe(0);
    expect(() => prepared.splits.train.pixels(1)).toThrow(/train\.pixels: ends before byte 2166/);
    prepared.close();
  });
});
