import { manualSeed, ones, randn, tensor } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { captionsOf, padMore, randomText } from "../testing/text.js";
import { wordMask } from "./text-encoder.js";
import { attendWords, WordAttention } from "./word-attention.js";

const lengths = [2, 3, 1];
const [C, D] = [3, 4];

beforeEach(() => manualSeed(1));

describe("attendWords", () => {
  it("mixes the existing words by the softmax of their products with a place", () => {
    const features = tensor([[[[1, 0]], [[0, 2]]]]); // Places (1, 0) and (0, 2).
    const words = tensor([
      [
        [1, 1],
        [3, 0],
        [50, 50],
      ],
    ]); // Two words, then padding.
    const { context, attention } = attendWords(features, words, wordMask([2], 3));
    const [a, b] = [1 / (1 + Math.exp(2)), 1 / (1 + Math.exp(-2))]; // Shares of the first word: scores 1, 3 and 2, 0.
    expect(
      relativeError(
        attention,
        tensor([
          [
            [a, 1 - a, 0],
            [b, 1 - b, 0],
          ],
        ]),
      ),
    ).toBeLessThan(1e-6);
    const expected = tensor([[[[3 - 2 * a, 3 - 2 * b]], [[a, b]]]]);
    expect(relativeError(context, expected)).toBeLessThan(1e-6);
  });

  it("has the gradients of finite differences, with padding", () => {
    const [features, words] = [
      randn([3, C, 2, 2], { dtype: "float64" }),
      randn([3, 4, C], { dtype: "float64" }),
    ];
    const fn = (f = features, w = words) => {
      const { context, attention } = attendWords(f, w, wordMask(lengths, 4));
      return [context, attention];
    };
    gradcheck(fn, [features, words]);
  });
});

describe("the generator's word attention", () => {
  it("has weights that sum to 1 over a caption's words, and are 0 for padding", () => {
    const text = padMore(randomText(lengths, D), 2, 1e4);
    const { attention } = new WordAttention(D, C).forward(randn([3, C, 2, 2]), text);
    expect(relativeError(attention.sum(2), ones([3, 4]))).toBeLessThan(1e-6);
    expect(attention.maskedFill(text.mask.unsqueeze(1), 0).abs().sum().item()).toBe(0);
  });

  it("treats a caption equally alone, among longer ones, and with any values after its end", () => {
    const module = new WordAttention(D, C);
    const text = randomText(lengths, D);
    const features = randn([3, C, 4, 4]);
    const { context } = module.forward(features, text);
    for (const filling of [1e4, Number.NaN])
      expect(
        relativeError(module.forward(features, padMore(text, 5, filling)).context, context),
      ).toBeLessThan(1e-6);
    for (const [b, length] of lengths.entries()) {
      const { words, sentence, mask } = captionsOf(text, b, 1);
      const own = { words: words.narrow(2, 0, length), sentence, mask: mask.narrow(1, 0, length) };
      const alone = module.forward(features.narrow(0, b, 1), own).context;
      expect(relativeError(alone, context.narrow(0, b, 1))).toBeLessThan(1e-6);
    }
  });

  it("has the gradients of finite differences, with padding", () => {
    const module = inGeneralPosition(new WordAttention(D, C));
    const text = randomText(lengths, D, { dtype: "float64" });
    const features = randn([3, C, 2, 2], { dtype: "float64" });
    gradcheckNetwork(module, () => module.forward(features, text).context, [features, text.words]);
  });
});
