import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { example, mapped, sourceOf } from "./fixtures.js";
import { prepare } from "./prepare.js";
import { openPrepared } from "./prepared.js";
import { verifyPrepared } from "./verify.js";

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

/** An index in which anything may be changed or deleted. */
// biome-ignore lint/suspicious/noExplicitAny: the tests break it on purpose
type Mutable = any;

function editIndex(edit: (index: Mutable) => void): void {
  const index = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
  edit(index);
  writeFileSync(join(dir, "index.json"), JSON.stringify(index));
}

function edit(name: string, change: (text: string) => string): void {
  writeFileSync(join(dir, name), change(readFileSync(join(dir, name), "utf8")));
}

/** Changes a list and its checksum in the index. */
function forge(split: "train" | "test", change: (text: string) => string): void {
  edit(`${split}.jsonl`, change);
  const sha256 = createHash("sha256")
    .update(readFileSync(join(dir, `${split}.jsonl`)))
    .digest("hex");
  editIndex((index) => (index.sha256[split] = sha256));
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
      /index\.json: has version 7; this program reads version 3\. Prepare the data again/,
    ],
    ["a missing key", () => editIndex((i) => delete i.size), /index\.json: is broken \(.*size/],
    [
      "a changed list",
      () => edit("train.jsonl", (text) => text.replace("image", "painting")),
      /train\.jsonl: has changed/,
    ],
    [
      "a truncated list",
      () => truncateSync(join(dir, "test.jsonl"), 50),
      /test\.jsonl: has changed since it was written/,
    ],
    ["no list", () => rmSync(join(dir, "test.jsonl")), /test\.jsonl: cannot be read \(ENOENT/],
    [
      "another count",
      () => editIndex((i) => (i.summary.images.train = 2)),
      /train\.jsonl: lists 3 images; expected 2, as in index\.json/,
    ],
    [
      "changed words",
      () => edit("vocabulary.json", (text) => text.replace("image", "painting")),
      /vocabulary\.json: has changed/,
    ],
    ["no vocabulary", () => rmSync(join(dir, "vocabulary.json")), /vocabulary\.json: not a vocabulary/],
    ["no pixels", () => rmSync(join(dir, "test.pixels")), /test\.pixels: cannot be read \(ENOENT/],
    [
      "truncated pixels",
      () => truncateSync(join(dir, "train.pixels"), 2000),
      /train\.pixels: has 2000 bytes; expected 3249: 3 images of 1083 bytes/,
    ],
    ["too many pixels", () => truncateSync(join(dir, "test.pixels"), 2000), /test\.pixels: has 2000 bytes/],
  ])("rejects %s", (_, damage, message) => {
    damage();
    expect(() => openPrepared(dir)).toThrow(UserError);
    expect(() => openPrepared(dir)).toThrow(message);
  });

  it.each<[string, "train" | "test", [string | RegExp, string], RegExp]>([
    [
      "a wrong token",
      "train",
      [/"tokens":.1,2./, '"tokens":[99]'],
      /train\.jsonl:1: 0 has a word that is not among the 5 of/,
    ],
    [
      "a wrong class",
      "test",
      ['"classId":0', '"classId":1'],
      /test\.jsonl:1: 3 has class 1; expected less than 1/,
    ],
    ["no class", "train", ['"classId":0,', ""], /train\.jsonl:1: is broken \(classId: /],
    ["no JSON", "train", ['{"id', "id"], /train\.jsonl:1: is broken/],
  ])("rejects %s when the image is requested", (_, split, [from, to], message) => {
    forge(split, (text) => text.replace(from, to));
    const prepared = openPrepared(dir);
    expect(() => prepared.splits[split].images.at(0)).toThrow(UserError);
    expect(() => prepared.splits[split].images.at(0)).toThrow(message);
  });

  it("throws for indices out of range", () => {
    const { images } = openPrepared(dir).splits.train;
    for (const index of [-1, 3, 0.5]) expect(() => images.at(index)).toThrow(RangeError);
  });

  it("reports a file that is truncated while it is open", () => {
    const prepared = openPrepared(dir, { memoryLimit: 0 });
    truncateSync(join(dir, "train.pixels"), 2000);
    expect(prepared.splits.train.pixels(0)[0]).toBe(0);
    expect(() => prepared.splits.train.pixels(1)).toThrow(/train\.pixels: ends before byte 2166/);
    prepared.close();
  });
});

describe("verifyPrepared", () => {
  it("returns the number of images of a valid folder", async () => {
    const seen: number[] = [];
    expect(await verifyPrepared(dir, { onProgress: ({ done }) => seen.push(done) })).toBe(4);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("names the file and the image in which one bit has changed", async () => {
    const pixels = readFileSync(join(dir, "train.pixels"));
    pixels[1083 + 500]! ^= 1;
    writeFileSync(join(dir, "train.pixels"), pixels);
    await expect(verifyPrepared(dir)).rejects.toThrow(UserError);
    await expect(verifyPrepared(dir)).rejects.toThrow(
      /train\.pixels: 1 of 3 images are damaged, the first is 1\. /,
    );
  });

  it("stops when its signal is aborted", async () => {
    await expect(verifyPrepared(dir, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});
