import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Example } from "../dataset.js";
import { folder } from "./index.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-folder-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(...lines: (string | object)[]): void {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  writeFileSync(join(dir, "captions.jsonl"), text);
}

async function examples(): Promise<Example[]> {
  const result: Example[] = [];
  for await (const example of folder(dir).examples()) result.push(example);
  return result;
}

describe("folder", () => {
  it("reads images, captions, splits and classes", async () => {
    write(
      '\ufeff{"image": "./a.png", "captions": ["a red bird", "red"], "split": "test", "class": "robin"}\r',
      "",
      { image: "sub/b.jpg", caption: "a blue bird", split: "train", class: 7, other: 1 },
      { image: "c.webp", captions: ["green"], split: "train" },
      { image: "d.webp", captions: ["brown"], split: "train", class: "robin" },
    );
    writeFileSync(join(dir, "a.png"), "the bytes");
    const source = folder(dir);
    expect(source.classes).toEqual(["robin", "7", "c.webp"]);
    const found = await examples();
    expect(found.map(({ read: _, stamp: __, ...rest }) => rest)).toEqual([
      { id: "a.png", split: "test", classId: 0, captions: [{ text: "a red bird" }, { text: "red" }] },
      { id: "sub/b.jpg", split: "train", classId: 1, captions: [{ text: "a blue bird" }] },
      { id: "c.webp", split: "train", classId: 2, captions: [{ text: "green" }] },
      { id: "d.webp", split: "train", classId: 0, captions: [{ text: "brown" }] },
    ]);
    expect(String(await found[0]!.read())).toBe("the bytes");
  });

  it("accepts all names of the validation split", async () => {
    const words = ["val", "valid", "validation", "dev"];
    write(...words.map((split, i) => ({ image: `${i}.png`, caption: "x", split })));
    expect((await examples()).map(({ split }) => split)).toEqual(words.map(() => "val"));
  });

  it("assigns about one in ten images to the test split if none is given, the same ones every time", async () => {
    write(...Array.from({ length: 1000 }, (_, i) => ({ image: `images/${i}.png`, caption: "x" })));
    const tests = (await examples()).filter(({ split }) => split === "test").map(({ id }) => id);
    expect(tests.length).toBeGreaterThan(70);
    expect(tests.length).toBeLessThan(130);
    write(...tests.map((image) => ({ image, caption: "other words" })));
    expect((await examples()).every(({ split }) => split === "test")).toBe(true);
  });

  it.each([
    ["broken JSON", '{"image": "b.png", "capt', 'not JSON: "{\\"image'.replaceAll("\\", "")],
    ["no JSON object", "17", "expected object"],
    ["no image", { captions: ["x"] }, '"image": '],
    ["a caption that is not a text", { image: "b.png", captions: ["x", 1] }, '"captions.1": '],
    ["another split", { image: "b.png", caption: "x", split: "trial" }, '"split": '],
    ["an absolute path", { image: "/etc/passwd", caption: "x" }, "is not a path inside the folder"],
    ["a path to outside", { image: "a/../../b.png", caption: "x" }, "is not a path inside the folder"],
    ["a path to outside on Windows", { image: "..\\b.png", caption: "x" }, "is not a path inside the folder"],
    [
      "another split of the same image",
      { image: "./a.png", caption: "x", split: "test" },
      '"a.png" has the split test here and train above',
    ],
  ])("rejects a line with %s", (_, line, problem) => {
    write({ image: "a.png", caption: "x", split: "train" }, line);
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(/captions\.jsonl:2: .*; expected a line such as {"image": .*}$/);
    expect(() => folder(dir)).toThrow(problem);
  });

  it("rejects a missing folder, a missing list and an empty one", () => {
    expect(() => folder(join(dir, "none"))).toThrow(/none: no such folder\. Give a folder/);
    expect(() => folder(dir)).toThrow(/found no captions\. Expected captions\.jsonl with a line/);
    write("", "");
    expect(() => folder(dir)).toThrow(/captions\.jsonl: lists no image/);
  });

  it("rejects reading a missing image, a folder, and a link to outside", async () => {
    mkdirSync(join(dir, "b.png"));
    symlinkSync("/etc/hostname", join(dir, "c.png"));
    writeFileSync(join(dir, "inside"), "x");
    symlinkSync("inside", join(dir, "d.png"));
    write(...["a", "b", "c", "d"].map((name) => ({ image: `${name}.png`, caption: "x" })));
    const [missing, directory, leaving, linked] = await examples();
    await expect(missing!.read()).rejects.toThrow(/a\.png: does not exist \(ENOENT\)/);
    await expect(directory!.read()).rejects.toThrow(/b\.png: is not a file/);
    await expect(leaving!.read()).rejects.toThrow(/c\.png: is a link to outside the folder/);
    expect(String(await linked!.read())).toBe("x");
  });
});
