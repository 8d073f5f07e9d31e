import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { Vocabulary } from "./vocabulary.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-vocabulary-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("Vocabulary", () => {
  const vocabulary = Vocabulary.build(["A red bird", "the bird is red", "constructor toString"]);

  it("numbers words in the order of their first use, after padding", () => {
    expect(vocabulary.words).toEqual("<end> a red bird the is constructor tostring".split(" "));
    expect(vocabulary.size).toBe(8);
  });

  it("leaves unknown words out and names them", () => {
    const text = "the GREEN bird, green and red hasOwnProperty <end>";
    expect(vocabulary.encode(text)).toEqual([4, 3, 2]);
    expect(vocabulary.unknownWords(text)).toEqual(["green", "and", "hasownproperty", "end"]);
  });

  it("comes back from its file", () => {
    const file = join(dir, "vocabulary.json");
    vocabulary.save(file);
    const loaded = Vocabulary.load(file);
    expect(loaded.words).toEqual(vocabulary.words);
    expect(loaded.encode("red bird")).toEqual([2, 3]);
    loaded.save(join(dir, "again.json"));
    expect(readFileSync(join(dir, "again.json"))).toEqual(readFileSync(file));
  });

  it.each([
    ["broken JSON", '{"words": ["<end>", "re'],
    ["no padding", '{"words": ["red"]}'],
    ["a word twice", '{"words": ["<end>", "red", "red"]}'],
    ["other keys", '["<end>"]'],
  ])("refuses a file with %s, on one line", (_, content) => {
    const file = join(dir, "vocabulary.json");
    writeFileSync(file, content);
    expect(() => Vocabulary.load(file)).toThrow(UserError);
    expect(() => Vocabulary.load(file)).toThrow(/^\S+vocabulary\.json: not a vocabulary .+$/);
  });

  it("refuses a missing file", () => {
    expect(() => Vocabulary.load(join(dir, "none.json"))).toThrow(/none\.json: not a vocabulary .*ENOENT/);
  });
});
