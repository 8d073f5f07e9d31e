import { describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { Vocabulary } from "./vocabulary.js";

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

  it("comes back from its text", () => {
    const parsed = Vocabulary.parse(vocabulary.format(), "vocabulary.json");
    expect(parsed.words).toEqual(vocabulary.words);
    expect(parsed.encode("red bird")).toEqual([2, 3]);
    expect(parsed.format()).toBe(vocabulary.format());
  });

  it.each([
    ["broken JSON", '{"words": ["<end>", "re'],
    ["no padding", '{"words": ["red"]}'],
    ["a word twice", '{"words": ["<end>", "red", "red"]}'],
    ["other keys", '["<end>"]'],
  ])("refuses a text with %s, on one line", (_, content) => {
    const parse = () => Vocabulary.parse(content, "data/vocabulary.json");
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(/^data\/vocabulary\.json: not a vocabulary .+$/);
  });
});
