import type { SentenceFeature } from "@sdgan/core";
import { manualSeed, type Tensor, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { TextEncoder, wordMask } from "./text-encoder.js";

const make = (dropout = 0, sentence: SentenceFeature = "last") =>
  new TextEncoder({ vocabularySize: 7, embedding: 3, width: 4, dropout, sentence });
const captions = (rows: number[][]) => tensor(rows, { dtype: "int64" });
const lengths = [2, 4, 1];
const tokens = captions([
  [3, 5, 0, 0],
  [1, 2, 6, 3],
  [4, 0, 0, 0],
]);

beforeEach(() => manualSeed(1));

describe("wordMask", () => {
  it("is true at a caption's words", () => {
    const rows = [
      [1, 1, 0, 0],
      [1, 1, 1, 1],
      [1, 0, 0, 0],
    ];
    expect(wordMask(lengths, 4).equal(tensor(rows, { dtype: "bool" }))).toBe(true);
  });
});

describe("text encoder", () => {
  it("returns features of the full width, with zeros where there is no word", () => {
    const { words, sentence, mask } = make().forward(tokens, lengths);
    expect(words.shape).toEqual([3, 4, 4]);
    expect(sentence.shape).toEqual([3, 4]);
    expect(words.maskedFill(mask.unsqueeze(1), 0).abs().sum().item()).toBe(0);
  });

  it("takes the sentence feature from the last word forward and the first word backward", () => {
    const { words, sentence } = make().forward(tokens, lengths);
    for (const [b, length] of lengths.entries()) {
      const [own, whole] = [words.select(0, b), sentence.select(0, b)];
      expect(whole.narrow(0, 0, 2).equal(own.select(1, length - 1).narrow(0, 0, 2))).toBe(true);
      expect(whole.narrow(0, 2, 2).equal(own.select(1, 0).narrow(0, 2, 2))).toBe(true);
    }
  });

  it("can take the mean of the word features as the sentence feature", () => {
    const { words, sentence } = make(0, "mean").forward(tokens, lengths);
    for (const [b, length] of lengths.entries()) {
      const mean = words.select(0, b).narrow(1, 0, length).mean(1);
      expect(relativeError(sentence.select(0, b), mean)).toBeLessThan(1e-6);
    }
  });

  it.each(["last", "mean"] as const)(
    "encodes a caption equally alone, in a batch, and with any values after its end (%s)",
    (kind) => {
      const encoder = make(0, kind);
      const together = encoder.forward(tokens, lengths);
      const otherwise = encoder.forward(
        captions([
          [3, 5, 6, 6],
          [1, 2, 6, 3],
          [4, 1, 1, 1],
        ]),
        lengths,
      );
      expect(relativeError(otherwise.words, together.words)).toBe(0);
      for (const [b, length] of lengths.entries()) {
        const alone = encoder.forward(tokens.narrow(0, b, 1).narrow(1, 0, length), [length]);
        expect(relativeError(alone.words, together.words.narrow(0, b, 1).narrow(2, 0, length))).toBeLessThan(
          1e-6,
        );
        expect(relativeError(alone.sentence, together.sentence.narrow(0, b, 1))).toBeLessThan(1e-6);
      }
    },
  );

  it("can whiten word and sentence features, without the places that have no word", () => {
    const encoder = new TextEncoder({ vocabularySize: 7, embedding: 3, width: 4, dropout: 0, whiten: true });
    const plain = make();
    plain.loadStateDict(new Map([...encoder.stateDict()].filter(([name]) => !name.includes("hitening"))));
    for (let i = 0; i < 20; i++) encoder.forward(tokens, lengths);
    const [raw, { words, sentence }] = [
      plain.forward(tokens, lengths),
      encoder.eval().forward(tokens, lengths),
    ];
    const rows = raw.words.transpose(1, 2).reshape(12, 4).maskedSelect(raw.mask.reshape(12, 1)).view(7, 4);
    expect(relativeError(encoder.wordWhitening!.mean, rows.mean(0))).toBeLessThan(1e-5);
    expect(relativeError(encoder.sentenceWhitening!.mean, raw.sentence.mean(0))).toBeLessThan(1e-5);
    expect(
      relativeError(words.transpose(1, 2), encoder.wordWhitening!.forward(raw.words.transpose(1, 2))),
    ).toBe(0);
    expect(relativeError(sentence, encoder.sentenceWhitening!.forward(raw.sentence))).toBe(0);
  });

  it("applies dropout in training only", () => {
    const encoder = make(0.5);
    const twice = () => [
      encoder.forward(tokens, lengths).sentence,
      encoder.forward(tokens, lengths).sentence,
    ];
    const [a, b] = twice() as [Tensor, Tensor];
    expect(a.equal(b)).toBe(false);
    encoder.eval();
    const [c, d] = twice() as [Tensor, Tensor];
    expect(c.equal(d)).toBe(true);
  });

  it("has the gradients of finite differences", () => {
    const encoder = inGeneralPosition(make());
    const fn = () => {
      const { words, sentence } = encoder.forward(tokens, lengths);
      return [words, sentence];
    };
    gradcheckNetwork(encoder, fn, []);
  });
});
