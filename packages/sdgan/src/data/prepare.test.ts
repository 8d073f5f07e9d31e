import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type TokenizerName, UserError, Vocabulary } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Example } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { prepare } from "./prepare.js";
import { openPrepared } from "./prepared.js";

let dir: string;
let out: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-prepare-"));
  out = join(dir, "out");
});
afterEach(() => rmSync(dir, { recursive: true }));

const SIZE = 16;
const STORED = 19;

function examples(count: number): Example[] {
  return Array.from({ length: count }, (_, i) => example(String(i), () => mapped(i, STORED)));
}

/** File name → digest of its bytes. */
function snapshot(path: string): Record<string, string> {
  const digest = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(path, name)))
      .digest("hex");
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, digest(name)]),
  );
}

describe("prepare", () => {
  it("writes every image, caption and word", async () => {
    const source = {
      name: "things",
      classes: ["robin", "wren"],
      attributes: { colour: ["red", "blue"] },
      async *examples(): AsyncGenerator<Example> {
        yield { ...example("a", () => mapped(1, STORED)), attributes: { colour: 0 } };
        yield {
          ...example("b", () => mapped(2, STORED)),
          ...{ split: "test", classId: 1, attributes: { colour: 1 } },
          captions: [{ text: "A blue image", names: ["colour"] }, { text: "🐦" }],
        };
        yield { ...example("c", () => mapped(3, STORED)), attributes: { colour: 0 } };
      },
    };
    const seen: unknown[] = [];
    const summary = await prepare(source, { out, size: SIZE, onProgress: (progress) => seen.push(progress) });
    const counts = { images: { train: 2, val: 0, test: 1 }, captions: 3, words: 4, emptyCaptions: 1 };
    // A word that occurs only in test captions is unknown.
    const unknownWords = { count: 1, mostFrequent: ["blue"] };
    const duplicates = { acrossSplits: 0, withinTrain: 0 };
    expect(summary).toEqual({
      ...{ out, ...counts, unknownWords, duplicates, skipped: [], unused: [], notes: [] },
      ...{ captionLengths: { 2: 3 }, trainingClasses: 1, lostWords: undefined },
    });
    expect(JSON.parse(readFileSync(join(out, "index.json"), "utf8")).summary).toEqual({
      ...counts,
      unknownWords,
      skipped: 0,
    });
    expect(seen.at(-1)).toEqual({ done: 3, skipped: 0 });
    const prepared = openPrepared(out);
    expect(prepared).toMatchObject({
      ...{
        source: "things",
        size: SIZE,
        storedSize: STORED,
        classes: source.classes,
        attributes: source.attributes,
      },
    });
    expect(prepared.vocabulary.words).toEqual(["<end>", "image", "a", "c"]);
    expect(prepared.vocabulary.tokenizer).toBe("unicode");
    expect([...prepared.splits.test.images]).toEqual([
      {
        xxh64: expect.stringMatching(/^[0-9a-f]{16}$/),
        ...{ id: "b", classId: 1, attributes: { colour: 1 } },
        captions: [{ text: "A blue image", tokens: [2, 1], names: ["colour"] }],
      },
    ]);
    expect(prepared.splits.train.pixels(1).subarray(0, 6)).toEqual(Uint8Array.of(3, 0, 0, 3, 10, 0));
    expect(prepared.splits.test.pixels(0).subarray(-3)).toEqual(Uint8Array.of(2, 180, 180));
  });

  it("stores images without a margin on request", async () => {
    await prepare(sourceOf(examples(2)), { out, size: STORED, margin: false });
    const prepared = openPrepared(out);
    expect([prepared.size, prepared.storedSize]).toEqual([STORED, STORED]);
  });

  it("writes the same bytes at any concurrency and any order of completion", async () => {
    const results = [1, 3, 8].map(async (concurrency) => {
      const place = join(dir, String(concurrency));
      const uneven = examples(20).map((one, i) => ({
        ...one,
        read: async () => {
          await new Promise((done) => setTimeout(done, (i * 7 * concurrency) % 5));
          return one.read();
        },
      }));
      await prepare(sourceOf(uneven), { out: place, size: SIZE, concurrency });
      return snapshot(place);
    });
    const [first, ...others] = await Promise.all(results);
    for (const other of others) expect(other).toEqual(first);
  });

  it("decodes at most `concurrency` images at a time", async () => {
    let inProgress = 0;
    let most = 0;
    const counted = examples(20).map((one) => ({
      ...one,
      read: async () => {
        most = Math.max(most, ++inProgress);
        await new Promise((done) => setTimeout(done, 1));
        inProgress--;
        return one.read();
      },
    }));
    await prepare(sourceOf(counted), { out, size: SIZE, concurrency: 4 });
    expect(most).toBe(4);
  });

  it("skips bad images, and reports which and why", async () => {
    const png = await mapped(0, 64);
    const bad = [
      example("missing", () => Promise.reject(new UserError("missing.png: cannot be read (ENOENT)"))),
      example("empty", async () => Buffer.alloc(0)),
      example("text", async () => Buffer.from("not found")),
      example("truncated", async () => png.subarray(0, png.length - 40)),
      example("wordless", () => mapped(0, STORED), [{ text: "🐦" }, { text: "" }]),
    ];
    const mixed = examples(10).flatMap((one, i) => [one, ...bad.slice(i, i + 1)]);
    const summary = await prepare(sourceOf(mixed), { out, size: SIZE });
    expect(summary.images).toEqual({ train: 10, val: 0, test: 0 });
    expect(summary.skipped.map(({ id }) => id)).toEqual(bad.map(({ id }) => id));
    const reasons = summary.skipped.map(({ reason }) => reason);
    expect(reasons[0]).toBe("missing.png: cannot be read (ENOENT)");
    expect(reasons[1]).toBe("is not an image, or is broken (the file is empty)");
    for (const reason of reasons.slice(2, 4))
      expect(reason).toMatch(/^is not an image, or is broken \(.+\)$/);
    expect(reasons[4]).toBe("has no caption with a word of letters or digits");
    const prepared = openPrepared(out);
    for (let i = 0; i < 10; i++) expect(prepared.splits.train.pixels(i)[0]).toBe(i);
  });

  it("skips test images whose captions have no word of the other splits, and their pixels", async () => {
    const all = examples(9).map((one, i): Example => {
      if (i % 3 === 0) return one;
      const texts = i % 2 === 0 ? ["unseen", "new"] : ["new", "unseen image"];
      return { ...one, split: "test", captions: texts.map((text) => ({ text })) };
    });
    // The test images come first, before the known words are.
    const summary = await prepare(sourceOf(all.reverse()), { out, size: SIZE });
    expect(summary).toMatchObject({ images: { train: 3, test: 3 }, captions: 6, words: 5, emptyCaptions: 3 });
    expect(summary.unknownWords).toEqual({ count: 2, mostFrequent: ["new", "unseen"] });
    const reason = "has no caption with a word of the vocabulary";
    expect(summary.skipped).toEqual(["8", "4", "2"].map((id) => ({ id, reason })));
    const { test } = openPrepared(out).splits;
    expect([...test.images].map(({ id, captions }) => [id, captions.length])).toEqual([
      ["7", 1],
      ["5", 1],
      ["1", 1],
    ]);
    expect([0, 1, 2].map((i) => test.pixels(i)[0])).toEqual([7, 5, 1]);
    expect(readdirSync(out).filter((name) => name.startsWith("test"))).toEqual(["test.jsonl", "test.pixels"]);
  });

  it("splits captions with the source's tokenizer", async () => {
    const captions = [{ text: "красное café" }, { text: "сердце" }, { text: "don't" }];
    const prepared = async (tokenizer?: TokenizerName) => {
      const all = [example("a", () => mapped(1, STORED), captions)];
      const summary = await prepare(
        { ...sourceOf(all), ...(tokenizer && { tokenizer }) },
        { out, size: SIZE },
      );
      const { vocabulary } = openPrepared(out);
      return [vocabulary.tokenizer, vocabulary.words.slice(1).join(" "), summary.emptyCaptions];
    };
    expect(await prepared()).toEqual(["unicode", "красное café сердце don't", 0]);
    expect(await prepared("attngan")).toEqual(["attngan", "caf don t", 1]);
  });

  it("uses the words of test captions if there are no others", async () => {
    const all = examples(2).map((one): Example => ({ ...one, split: "test" }));
    const summary = await prepare(sourceOf(all), { out, size: SIZE });
    expect(summary).toMatchObject({ images: { train: 0, test: 2 }, words: 4, emptyCaptions: 0 });
    expect(summary.unknownWords).toBeUndefined();
  });

  it("uses a given vocabulary, and reports the words that are not in it", async () => {
    const vocabulary = new Vocabulary(["<end>", "0", "image"]);
    const all = [...examples(2), example("unknown", () => mapped(9, STORED), [{ text: "nothing" }])];
    all[0]!.captions.push({ text: "nothing at all" }, { text: "image at rest" }, { text: "at once" });
    const summary = await prepare({ ...sourceOf(all), vocabulary }, { out, size: SIZE });
    expect(summary).toMatchObject({ captions: 3, words: 3, emptyCaptions: 2 });
    expect(summary.unknownWords).toEqual({ count: 3, mostFrequent: ["1", "at", "rest"] });
    expect(summary.skipped).toEqual([
      { id: "unknown", reason: "has no caption with a word of the vocabulary" },
    ]);
    const { captions } = openPrepared(out).splits.train.images.at(0);
    expect(captions.map(({ tokens }) => tokens)).toEqual([[2, 1], [2]]);
  });

  it("lists all skipped images", async () => {
    const bad = [1, 2].map((i) => example(`bad ${i}`, async () => Buffer.alloc(0)));
    const broken = { ...example("broken", () => mapped(0, STORED)), broken: "its captions: cannot be read" };
    const summary = await prepare(sourceOf([...bad, ...examples(1), broken]), { out, size: SIZE });
    const lines = readFileSync(join(out, "skipped.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(summary.skipped);
    expect(summary.skipped[2]).toEqual({ id: "broken", reason: "its captions: cannot be read" });
  });

  it("names the most frequent reason if no image can be used", async () => {
    const pointer = Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    const bad = [Buffer.of(), pointer, pointer].map((bytes, i) => example(`${i}.jpg`, async () => bytes));
    await expect(prepare(sourceOf(bad), { out, size: SIZE })).rejects.toThrow(
      /all 3 were skipped, 2 of them for this reason; the first is 1\.jpg: is a Git LFS pointer.*`git lfs pull`/,
    );
    await expect(prepare(sourceOf(bad.slice(1)), { out, size: SIZE })).rejects.toThrow(
      /all 2 were skipped; the first is 1\.jpg: is a Git LFS pointer.*`git lfs pull`/,
    );
  });

  it("counts a reason once that names another file for each image, and says what was read", async () => {
    const of = (id: string, problem: string) => ({
      ...example(id, () => mapped(0, STORED)),
      broken: `its captions: data/${id}.json: ${problem}`,
    });
    const source = sourceOf([of("1", "is not JSON"), of("2", "has no text"), of("3", "has no text")]);
    await expect(prepare({ ...source, found: "data: a.tar" }, { out, size: SIZE })).rejects.toThrow(
      /^data: a\.tar: no image can be used: all 3 were skipped, 2 of them for this reason; the first is 2: its captions: data\/2\.json: has no text\.$/,
    );
  });

  it("rejects a source without a valid image", async () => {
    const bad = [1, 2].map((i) => example(`bad ${i}`, async () => Buffer.alloc(0)));
    await expect(prepare(sourceOf(bad), { out, size: SIZE })).rejects.toThrow(
      /^fixture: no image can be used: all 2 were skipped; the first is bad 1: .*the file is empty\)\.$/,
    );
    await expect(prepare(sourceOf([]), { out, size: SIZE })).rejects.toThrow(UserError);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("leaves the previous folder and nothing else when it fails", async () => {
    await prepare(sourceOf(examples(3)), { out, size: SIZE });
    const before = snapshot(out);
    async function* failing() {
      yield* examples(30);
      throw new Error("the source broke");
    }
    await expect(prepare(sourceOf(failing()), { out, size: SIZE })).rejects.toThrow("the source broke");
    const readFails = [
      ...examples(5),
      example("x", () => Promise.reject(new TypeError("bug"))),
      ...examples(5),
    ];
    await expect(prepare(sourceOf(readFails), { out, size: SIZE })).rejects.toThrow("bug");
    expect(snapshot(out)).toEqual(before);
    expect(readdirSync(dir)).toEqual(["out"]);
  });

  it("replaces a prepared folder when the new one is complete, also through a link", async () => {
    await prepare(sourceOf(examples(3)), { out, size: SIZE });
    symlinkSync("out", join(dir, "link"));
    const before = snapshot(out);
    async function* watching() {
      for (const one of examples(20)) {
        expect(snapshot(out)).toEqual(before);
        yield one;
      }
    }
    await prepare(sourceOf(watching()), { out: join(dir, "link"), size: SIZE });
    expect(openPrepared(out).splits.train.images).toHaveLength(20);
    expect(readdirSync(dir).sort()).toEqual(["link", "out"]);
  });

  it("cleans up after a killed process", async () => {
    await prepare(sourceOf(examples(3)), { out: join(dir, ".out.previous"), size: SIZE });
    mkdirSync(join(dir, ".out.partial"));
    writeFileSync(join(dir, ".out.partial/lock"), JSON.stringify({ pid: 999999999, host: hostname() }));
    await expect(prepare(sourceOf([]), { out, size: SIZE })).rejects.toThrow(UserError);
    expect(readdirSync(dir)).toEqual(["out"]);
    expect(openPrepared(out).splits.train.images).toHaveLength(3);
  });

  it("does not replace a folder that contains other files", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "index.json"), "{}");
    await expect(prepare(sourceOf(examples(1)), { out, size: SIZE })).rejects.toThrow(
      /is not a prepared folder/,
    );
    rmSync(out, { recursive: true });
    await prepare(sourceOf(examples(1)), { out, size: SIZE });
    writeFileSync(join(out, "thesis.txt"), "precious");
    await expect(prepare(sourceOf(examples(1)), { out, size: SIZE })).rejects.toThrow(/thesis\.txt/);
    expect(readFileSync(join(out, "thesis.txt"), "utf8")).toBe("precious");
    expect(readdirSync(dir)).toEqual(["out"]);
  });

  it("replaces an empty folder and creates missing ones", async () => {
    mkdirSync(out);
    await prepare(sourceOf(examples(1)), { out, size: SIZE });
    await prepare(sourceOf(examples(1)), { out: join(dir, "a/b/c"), size: SIZE });
    expect(existsSync(join(dir, "a/b/c/train.pixels"))).toBe(true);
  });

  it.skipIf(process.platform !== "linux")("rejects when the system does not allow a folder", async () => {
    const refused = prepare(sourceOf(examples(1)), { out: "/proc/birds", size: SIZE });
    await expect(refused).rejects.toThrow(
      /\/proc\/birds: cannot be written \(.*\)\. Choose a writable folder/,
    );
  });

  it("reports that the folder cannot be written", async () => {
    const file = join(dir, "file");
    writeFileSync(file, "x");
    await expect(prepare(sourceOf(examples(1)), { out: file, size: SIZE })).rejects.toThrow(
      /exists and is not a folder/,
    );
    const within = prepare(sourceOf(examples(1)), { out: join(file, "out"), size: SIZE });
    await expect(within).rejects.toThrow(/file.out: cannot be written \(.*\)\. Choose a writable folder/);
    await expect(within).rejects.toThrow(UserError);
  });
});
