import { describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { tokenizerNames } from "./tokenizers.js";
import { Vocabulary } from "./vocabulary.js";

describe("Vocabulary", () => {
  const vocabulary = Vocabulary.build(["A red bird", "the bird is red", "constructor toString"]);

  it("numbers words in the order of their first use, after padding", () => {
    expect(vocabulary.words).toEqual("<end> a red bird the is constructor tostring".split(" "));
    expect(vocabulary.size).toBe(8);
  });

  it("leaves out unknown words and returns them", () => {
    const text = "the GREEN bird, green and red hasOwnProperty <end>";
    expect(vocabulary.encode(text)).toEqual([4, 3, 2]);
    expect(vocabulary.unknownWords(text)).toEqual(["green", "and", "hasownproperty", "end"]);
  });

  it("survives writing and reading", () => {
    const parsed = Vocabulary.parse(vocabulary.format(), "vocabulary.json");
    expect(parsed.words).toEqual(vocabulary.words);
    expect(parsed.encode("red bird")).toEqual([2, 3]);
    expect(parsed.format()).toBe(vocabulary.format());
    expect(parsed.equals(vocabulary)).toBe(true);
  });

  it.each(tokenizerNames)("keeps the name of its tokenizer: %s", (tokenizer) => {
    const built = Vocabulary.build(["a café, don't"], tokenizer);
    const text = built.format();
    expect(JSON.parse(text)).toEqual({ tokenizer, words: built.words });
    expect(Vocabulary.parse(text, "").tokenizer).toBe(tokenizer);
    expect(built.words.slice(1)).toEqual(
      { attngan: ["a", "caf", "don", "t"], unicode: ["a", "café", "don't"] }[tokenizer],
    );
  });

  it("uses AttnGAN's tokenizer if a file names none", () => {
    const parsed = Vocabulary.parse('{"words": ["<end>", "caf"]}', "vocabulary.json");
    expect(parsed.tokenizer).toBe("attngan");
    expect(parsed.encode("café")).toEqual([1]);
  });

  it("is different with other words, another order or another tokenizer", () => {
    const { words } = vocabulary;
    expect(vocabulary.equals(new Vocabulary([...words]))).toBe(true);
    expect(vocabulary.equals(new Vocabulary(words, "attngan"))).toBe(false);
    expect(vocabulary.equals(new Vocabulary([...words, "x"]))).toBe(false);
    expect(vocabulary.equals(new Vocabulary([words[0]!, ...words.slice(1).reverse()]))).toBe(false);
  });

  it.each([
    ["broken JSON", '{"words": ["<end>", "re'],
    ["control characters", "\x1b[2J\u202e"],
    ["no padding", '{"words": ["red"]}'],
    ["a word twice", '{"words": ["<end>", "red", "red"]}'],
    ["other keys", '["<end>"]'],
    ["an unknown tokenizer", '{"tokenizer": "bpe", "words": ["<end>"]}'],
    ["a tokenizer that is not a string", '{"tokenizer": null, "words": ["<end>"]}'],
  ])("refuses a text with %s, on one line", (_, content) => {
    const parse = () => Vocabulary.parse(content, "data/vocabulary.json");
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(expect.objectContaining({ code: "vocabulary.invalid" }));
    expect(parse).toThrow(/^data\/vocabulary\.json: not a vocabulary [^\p{Cc}\u202e]+$/u);
  });
});

describe("extending a vocabulary", () => {
  const own = new Vocabulary(["<end>", "red", "cat"], "unicode");
  const other = new Vocabulary(["<end>", "bird", "red", "blue"], "unicode");

  it("keeps its tokens, and adds the other's further words in their order", () => {
    const both = own.extendedBy(other);
    expect(both.words).toEqual(["<end>", "red", "cat", "bird", "blue"]);
    expect(both.encode("a red bird")).toEqual([1, 3]);
    expect(both.tokensIn(other)).toEqual([0, 2, undefined, 1, 3]);
    expect(() => own.extendedBy(new Vocabulary(["<end>"], "attngan"))).toThrow(TypeError);
  });

  it("begins with another one only if that one's tokens mean the same", () => {
    expect(own.extendedBy(other).beginsWith(own)).toBe(true);
    expect(own.beginsWith(own)).toBe(true);
    expect(own.beginsWith(own.extendedBy(other))).toBe(false);
    expect(own.extendedBy(other).beginsWith(other)).toBe(false);
    expect(own.beginsWith(new Vocabulary(own.words, "attngan"))).toBe(false);
  });
});
