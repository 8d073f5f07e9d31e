import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Random, UserError } from "@sdgan/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { compile, sdgan, startSdgan } from "../testing/cli.js";
import type { Example } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { SPLITS } from "./format.js";
import { Interrupted, type PrepareOptions, prepare, type Resumed } from "./prepare.js";

vi.setConfig({ testTimeout: 180_000 });

let dir: string;
let out: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-resume-"));
  out = join(dir, "out");
});
afterEach(() => rmSync(dir, { recursive: true }));

const SIZE = 16;
const partial = (...names: string[]) => join(dir, ".out.partial", ...names);

/** Images in the three splits by turns; number 5 is broken. `read` is called for each converted image. */
function examples(count: number, read: (id: string) => void = () => {}): Example[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = async () => {
      read(String(i));
      return i === 5 ? Buffer.from("no image") : mapped(i, 19);
    };
    return { ...example(String(i), bytes), split: SPLITS[i % 3] } as Example;
  });
}

/** Prepares `all`, and interrupts after `count` images. */
async function interrupted(all: Example[], count: number, options: Partial<PrepareOptions> = {}) {
  const controller = new AbortController();
  const onProgress = ({ done, skipped }: { done: number; skipped: number }) => {
    if (done + skipped === count) controller.abort();
  };
  const work = prepare(sourceOf(all), {
    ...{ out, size: SIZE, concurrency: 2, onProgress, signal: controller.signal, ...options },
  });
  await expect(work).rejects.toThrow(Interrupted);
  await expect(work).rejects.toThrow(
    /out: interrupted\. The finished part is kept in .*\.out\.partial; the same/,
  );
}

/** Continues. Returns the ids of the images read, and what was reported about the earlier work. */
async function resume(all: (read: (id: string) => void) => Example[], options: Partial<PrepareOptions> = {}) {
  const read: string[] = [];
  let resumed: Resumed | undefined;
  const onResume = (given: Resumed) => {
    resumed = given;
  };
  const summary = await prepare(sourceOf(all((id) => read.push(id))), {
    ...{ out, size: SIZE, onResume, ...options },
  });
  return { read, resumed, summary };
}

/** The result of preparing `all` without an interruption. */
async function uninterrupted(all: Example[]): Promise<Record<string, string>> {
  const place = join(dir, "whole");
  await prepare(sourceOf(all), { out: place, size: SIZE });
  return snapshot(place);
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

describe("prepare, interrupted", () => {
  it.each([1, 6, 11, 12])("continues after %i of 12 images, and writes the same bytes", async (count) => {
    await interrupted(examples(12), count);
    expect(existsSync(out)).toBe(false);
    const { read, resumed, summary } = await resume((read) => examples(12, read));
    expect(resumed).toEqual({ images: count });
    expect(read).toEqual(examples(12 - count).map((_, i) => String(count + i)));
    expect(summary.images).toEqual({ train: 4, val: 4, test: 3 });
    expect(snapshot(out)).toEqual(await uninterrupted(examples(12)));
    expect(readdirSync(dir).sort()).toEqual(["out", "whole"]);
  });

  it("keeps the previous folder unchanged until the new one is complete", async () => {
    await prepare(sourceOf(examples(3)), { out, size: SIZE });
    const before = snapshot(out);
    await interrupted(examples(12), 7);
    expect(snapshot(out)).toEqual(before);
    await resume((read) => examples(12, read));
    expect(snapshot(out)).toEqual(await uninterrupted(examples(12)));
  });

  it("can be interrupted during the verification", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const onVerify = () => controller.abort();
    const work = prepare(sourceOf(examples(12)), { out, size: SIZE, onVerify, signal });
    await expect(work).rejects.toThrow(Interrupted);
    const { read, resumed } = await resume((read) => examples(12, read));
    expect([read, resumed]).toEqual([[], { images: 12 }]);
    expect(snapshot(out)).toEqual(await uninterrupted(examples(12)));
  });

  it("keeps the pixels of images skipped at the end until everything is done", async () => {
    const some = (read?: (id: string) => void) =>
      examples(12, read).map((one, i) => (i % 6 === 2 ? { ...one, captions: [{ text: "unseen" }] } : one));
    const controller = new AbortController();
    const { signal } = controller;
    const work = prepare(sourceOf(some()), { out, size: SIZE, onVerify: () => controller.abort(), signal });
    await expect(work).rejects.toThrow(Interrupted);
    expect(existsSync(partial("test.pixels.all"))).toBe(true);
    const { read, summary } = await resume(some);
    expect(read).toEqual([]);
    expect(summary.images).toEqual({ train: 4, val: 4, test: 1 });
    expect(summary.skipped.map(({ id }) => id)).toEqual(["2", "5", "8"]);
    expect(snapshot(out)).toEqual(await uninterrupted(some()));
    expect(readdirSync(out).filter((name) => name.startsWith("test"))).toEqual(["test.jsonl", "test.pixels"]);
  });

  it("starts again with other options, and reports it", async () => {
    await interrupted(examples(12), 7);
    const { read, resumed } = await resume((read) => examples(12, read), { background: "black" });
    expect(read).toHaveLength(12);
    expect(resumed).toEqual({ images: 0, because: "options" });
  });

  it("starts again with another tokenizer, which may find other words", async () => {
    await interrupted(examples(12), 7);
    let resumed: Resumed | undefined;
    const onResume = (given: Resumed) => {
      resumed = given;
    };
    await prepare({ ...sourceOf(examples(12)), tokenizer: "attngan" }, { out, size: SIZE, onResume });
    expect(resumed).toEqual({ images: 0, because: "options" });
  });

  it.each<[string, (one: Example) => Example]>([
    ["caption", (one) => ({ ...one, captions: [{ text: "another image" }] })],
    ["split", (one) => ({ ...one, split: "test" })],
    ["box", (one) => ({ ...one, box: { x: 2, y: 2, width: 12, height: 12 } })],
    ["file", (one) => ({ ...one, stamp: async () => "2" })],
  ])("converts again from the first image with another %s, and reports it", async (_, change) => {
    const changed = (read?: (id: string) => void) =>
      examples(12, read).map((one, i) => (i === 3 ? change(one) : one));
    await interrupted(examples(12), 7);
    const { read, resumed } = await resume(changed);
    expect(read[0]).toBe("3");
    expect(resumed).toEqual({ images: 3, because: "source" });
    expect(snapshot(out)).toEqual(await uninterrupted(changed()));
  });

  it("continues with a source that has become shorter", async () => {
    await interrupted(examples(12), 7);
    const { read, resumed } = await resume((read) => examples(4, read));
    expect([read, resumed]).toEqual([[], { images: 4, because: "source" }]);
    expect(snapshot(out)).toEqual(await uninterrupted(examples(4)));
  });

  it.each<[string, () => void]>([
    ["half a line", () => appendFileSync(partial("journal.jsonl"), '{"example": "x", "pict')],
    ["pixels without a line", () => appendFileSync(partial("train.pixels"), Buffer.alloc(700))],
    ["a line without its pixels", () => truncateSync(partial("train.pixels"), 1083 * 2 + 5)],
    [
      "zeros instead of the last lines",
      () => {
        const journal = readFileSync(partial("journal.jsonl"));
        writeFileSync(partial("journal.jsonl"), journal.fill(0, journal.length - 300));
      },
    ],
    ["an empty journal", () => truncateSync(partial("journal.jsonl"), 0)],
    ["no pixels", () => rmSync(partial("test.pixels"))],
  ])("recovers from a crash that leaves %s", async (_, crash) => {
    await interrupted(examples(12), 7);
    crash();
    await resume((read) => examples(12, read));
    expect(snapshot(out)).toEqual(await uninterrupted(examples(12)));
  });

  it("detects damaged pixels, and discards the unfinished work", async () => {
    await prepare(sourceOf(examples(3)), { out, size: SIZE });
    const before = snapshot(out);
    await interrupted(examples(12), 7);
    writeFileSync(partial("train.pixels"), readFileSync(partial("train.pixels")).fill(77, 1500, 1501));
    const damaged = resume((read) => examples(12, read));
    await expect(damaged).rejects.toThrow(UserError);
    await expect(damaged).rejects.toThrow(/train\.pixels: 1 of 4 images are damaged, the first is 3\. /);
    expect(snapshot(out)).toEqual(before);
    await resume((read) => examples(12, read));
    expect(snapshot(out)).toEqual(await uninterrupted(examples(12)));
  });

  it("rejects a second process for the same folder", async () => {
    let refusal: unknown;
    async function* source() {
      yield* examples(2);
      refusal = await prepare(sourceOf(examples(2)), { out, size: SIZE }).catch((error) => error);
    }
    await prepare(sourceOf(source()), { out, size: SIZE });
    expect(refusal).toBeInstanceOf(UserError);
    expect(String(refusal)).toMatch(/process \d+ is preparing .*out: wait for it, or stop it first/);
  });
});

describe("sdgan prepare, killed", () => {
  beforeAll(compile);
  let whole: Record<string, string>;
  let root: string;
  const birds = ["prepare", "birds", "--size", "64", "--species", "20", "--images", "6"];
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "sdgan-resume-"));
    await sdgan(...birds, "--out", join(root, "whole"));
    whole = snapshot(join(root, "whole"));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it.each(["SIGKILL", "SIGINT"] as const)("by %s at any time, results in the same bytes", async (signal) => {
    const random = new Random(0, "resume", signal);
    let ended = await sdgan("--version");
    for (let kill = 0; kill < 4; kill++) {
      const { child, ended: ending } = startSdgan(...birds, "--out", out);
      // At a random time after the folder exists, from before the first image to after the last.
      while (child.exitCode === null && !existsSync(partial())) await setTimeout(5);
      await setTimeout(random.below(400));
      child.kill(signal);
      ended = await ending;
      expect(ended.stderr).not.toMatch(/at .*\.js:/);
      if (ended.code === 0) break;
      if (signal === "SIGINT" && ended.code !== null) expect(ended.code).toBe(130);
      expect(existsSync(out)).toBe(false);
    }
    if (ended.code !== 0) ended = await sdgan(...birds, "--out", out);
    expect(ended).toMatchObject({ code: 0 });
    expect(snapshot(out)).toEqual(whole);
    expect(readdirSync(dir)).toEqual(["out"]);
  });
});
