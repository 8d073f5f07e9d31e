import { describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { Random } from "../random.js";
import { encodeCaption, sampleWords } from "./caption.js";
import type { TokenizerName } from "./tokenizers.js";
import { Vocabulary } from "./vocabulary.js";

const vocabulary = Vocabulary.build(["this bird has a yellow belly and brown wings"]);

describe("encodeCaption", () => {
  it("keeps the first known words", () => {
    expect(encodeCaption(vocabulary, "A purple bird has brown wings", 3)).toEqual({
      tokens: [4, 2, 3],
      unknown: ["purple"],
      beyond: ["brown", "wings"],
      lost: [],
    });
  });

  it("returns all known words beyond the limit, with repetitions", () => {
    const { tokens, beyond } = encodeCaption(vocabulary, "bird, brown bird; bird! red brown", 2);
    expect([tokens, beyond]).toEqual([
      [2, 8],
      ["bird", "bird", "brown"],
    ]);
  });

  it("uses the vocabulary's tokenizer", () => {
    const words = ["<end>", "don", "t", "don't", "caf", "café"];
    const read = (tokenizer: TokenizerName) =>
      encodeCaption(new Vocabulary(words, tokenizer), "Don't café", 18).tokens;
    expect(read("attngan")).toEqual([1, 2, 4]);
    expect(read("unicode")).toEqual([3, 5]);
  });

  it("handles 5,000 words, emoji and right-to-left text", () => {
    expect(encodeCaption(vocabulary, "bird wings ".repeat(2500), 18).tokens).toHaveLength(18);
    expect(encodeCaption(vocabulary, "🐦 yellow 🎨 bird", 18).tokens).toEqual([5, 2]);
    expect(encodeCaption(vocabulary, "طائر yellow أصفر", 18)).toEqual({
      ...{ tokens: [5], unknown: ["طائر", "أصفر"], beyond: [], lost: [] },
    });
  });

  it.each([
    ["", /^The caption "" is empty\. Known words are, for example: this, bird, yellow, .*\.$/],
    [" \n", /^The caption " \\n" is empty/],
    [
      "yelow birds",
      /^The caption "yelow birds" has no word that the model knows\. Did you mean: yellow, bird\?$/,
    ],
    ["zzz\u001b[2J", /^The caption "zzz\\x1b\[2J" has no word that the model knows\. Known words are/],
    ["طائر أحمر", /^The caption "طائر أحمر" has no word that the model knows\. Known words/],
    ["🐦🐦", /^The caption "🐦🐦" has no word of letters or digits\. Known/],
    ["qqqq ".repeat(5000), /^The caption "(qqqq ){12}…" has no word that the model knows/],
    ["x".repeat(100_000), /^The caption "x{60}…" has no word/],
  ])("refuses %#", (text, message) => {
    expect(() => encodeCaption(vocabulary, text, 18)).toThrow(UserError);
    expect(() => encodeCaption(vocabulary, text, 18)).toThrow(message);
  });

  it("refuses a caption in which AttnGAN's tokenizer finds no word", () => {
    const attngan = new Vocabulary(["<end>", "bird", "a"], "attngan");
    expect(() => encodeCaption(attngan, "赤い鳥", 18)).toThrow(
      'The caption "赤い鳥" has no word in Latin letters. Known words are, for example: bird.',
    );
  });

  it("does not suggest a word without common letters", () => {
    const chinese = new Vocabulary(["<end>", "赤", "鳥"]);
    expect(() => encodeCaption(chinese, "青", 18)).toThrow("Known words are, for example: 赤, 鳥.");
  });

  it("has one code for captions without words and one for captions without known words", () => {
    const refused = (text: string) => () => encodeCaption(vocabulary, text, 18);
    expect(refused("🐦")).toThrow(expect.objectContaining({ code: "caption.empty" }));
    expect(refused("")).toThrow(expect.objectContaining({ code: "caption.empty" }));
    expect(refused("zebra")).toThrow(expect.objectContaining({ code: "caption.unknown-words" }));
  });
});

describe("sampleWords", () => {
  it("does not change a short caption", () => {
    expect(sampleWords([3, 1, 2], 3, new Random(0))).toEqual([3, 1, 2]);
  });

  it("samples from a long caption, in order, and reaches every word", () => {
    const tokens = Array.from({ length: 25 }, (_, i) => 100 - i);
    const random = new Random(0);
    const seen = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const sampled = sampleWords(tokens, 18, random);
      expect(sampled).toHaveLength(18);
      expect([...sampled].sort((a, b) => b - a)).toEqual(sampled);
      expect(new Set(sampled).size).toBe(18);
      for (const token of sampled) seen.add(token);
    }
    expect(seen.size).toBe(25);
  });
});
