import { describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { Random } from "../random.js";
import { encodeCaption, sampleWords } from "./caption.js";
import { Vocabulary } from "./vocabulary.js";

const vocabulary = Vocabulary.build(["this bird has a yellow belly and brown wings"]);

describe("encodeCaption", () => {
  it("keeps the first words that are known", () => {
    expect(encodeCaption(vocabulary, "A purple bird has brown wings", 3)).toEqual({
      tokens: [4, 2, 3],
      unknown: ["purple"],
    });
  });

  it("takes 5,000 words, emoji and right-to-left text", () => {
    expect(encodeCaption(vocabulary, "bird wings ".repeat(2500), 18).tokens).toHaveLength(18);
    expect(encodeCaption(vocabulary, "🐦 yellow 🎨 bird", 18).tokens).toEqual([5, 2]);
    expect(encodeCaption(vocabulary, "طائر yellow أصفر", 18)).toEqual({ tokens: [5], unknown: [] });
  });

  it.each([
    ["", /^The caption "" is empty\. Known words are, for example: this, bird, yellow, .*\.$/],
    [" \n", /^The caption " \\n" is empty/],
    [
      "yelow birds",
      /^The caption "yelow birds" has no word that the model knows\. Did you mean: yellow, bird\?$/,
    ],
    ["zzz\u001b[2J", /^The caption "zzz\\u\{1b\}\[2J" has no word that the model knows\. Known words are/],
    ["طائر أحمر", /^The caption "طائر أحمر" has no word in Latin letters\. Known words/],
    ["🐦🐦", /^The caption "🐦🐦" has no word in Latin letters/],
    ["qqqq ".repeat(5000), /^The caption "(qqqq ){12}…" has no word that the model knows/],
    ["x".repeat(100_000), /^The caption "x{60}…" has no word/],
  ])("refuses %#", (text, message) => {
    expect(() => encodeCaption(vocabulary, text, 18)).toThrow(UserError);
    expect(() => encodeCaption(vocabulary, text, 18)).toThrow(message);
  });
});

describe("drawWords", () => {
  it("leaves a caption that is short enough as it is", () => {
    expect(sampleWords([3, 1, 2], 3, new Random(0))).toEqual([3, 1, 2]);
  });

  it("draws from a longer one, in order, every word in turn", () => {
    const tokens = Array.from({ length: 25 }, (_, i) => 100 - i);
    const random = new Random(0);
    const seen = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const drawn = sampleWords(tokens, 18, random);
      expect(drawn).toHaveLength(18);
      expect([...drawn].sort((a, b) => b - a)).toEqual(drawn);
      expect(new Set(drawn).size).toBe(18);
      for (const token of drawn) seen.add(token);
    }
    expect(seen.size).toBe(25);
  });
});
