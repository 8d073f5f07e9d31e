import { manualSeed, randn, type Tensor, tensor } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { padMore, randomText } from "../testing/text.js";
import { type Gamma, type MatchingLoss, sentenceLoss, wordContexts, wordScores, wordsLoss } from "./damsm.js";

const gamma: Gamma = [4, 5, 10];
const [H, W] = [2, 3];
const lengths = [3, 1, 4, 2];
const B = lengths.length;
const classes = tensor([7, 3, 7, 5], { dtype: "int64" });

function example(D: number) {
  const text = randomText(lengths, D, { places: 6, dtype: "float64" });
  const [regions, code] = [
    [B, D, H, W],
    [B, D],
  ].map((shape) => randn(shape, { dtype: "float64" }));
  return { ...text, regions: regions!, code: code! };
}

beforeEach(() => manualSeed(1));

// More regions than features, and fewer: the two ways to compare words.
describe.each([5, 8])("DAMSM's losses, %i features in 6 regions,", (D) => {
  it("by words agree with the equations, computed caption by caption and word by word", () => {
    const { regions, words, mask } = example(D);
    const scores = referenceScores(regions, words);
    expect(relativeError(wordScores(regions, words, mask, gamma), matrix(scores))).toBeLessThan(1e-9);
    expectLosses(wordsLoss(regions, words, mask, gamma), referenceLosses(scores));
    expectLosses(wordsLoss(regions, words, mask, gamma, classes), referenceLosses(scores, [7, 3, 7, 5]));
  });

  it("by sentence agree with the equations", () => {
    const { code, sentence } = example(D);
    const [codes, sentences] = [rows(code), rows(sentence)];
    const scores = codes.map((c) => sentences.map((s) => cosine(c, s)));
    expectLosses(sentenceLoss(code, sentence, gamma), referenceLosses(scores));
    expectLosses(sentenceLoss(code, sentence, gamma, classes), referenceLosses(scores, [7, 3, 7, 5]));
  });

  it("use contexts that are mixtures of regions", () => {
    const { regions, words, mask } = example(D);
    const { context, attention } = wordContexts(regions, words, mask, gamma[0]);
    expect(attention.shape).toEqual([B, B, 6, H * W]);
    expect(relativeError(attention.sum(3), tensor(new Array(B * B * 6).fill(1)).view(B, B, 6))).toBeLessThan(
      1e-6,
    );
    const [i, j, t] = [2, 0, 1];
    const expected = matrix([referenceContexts(rows2(regions)[i]!, captions(words)[j]!)[t]!]).view(D);
    expect(relativeError(context.select(0, i).select(0, j).select(0, t), expected)).toBeLessThan(1e-9);
  });

  it("do not depend on the amount or the values of padding", () => {
    const { regions, ...text } = example(D);
    const expected = wordScores(regions, text.words, text.mask, gamma);
    for (const filling of [0, 1e4, Number.NaN]) {
      const { words, mask } = padMore(text, 3, filling);
      expect(relativeError(wordScores(regions, words, mask, gamma), expected)).toBeLessThan(1e-9);
    }
  });

  it("pass no gradient to padding, and none from it", () => {
    const { regions, ...text } = example(D);
    const gradients = [0, 1e4, Number.NaN].map((filling) => {
      const { words, mask } = padMore(text, 1, filling);
      const leaves = [regions.clone(), words];
      for (const leaf of leaves) leaf.requiresGrad = true;
      wordsLoss(leaves[0]!, leaves[1]!, mask, gamma, classes).textToImage.backward();
      expect(leaves[1]!.grad!.maskedFill(mask.unsqueeze(1), 0).abs().sum().item()).toBe(0);
      return leaves.map((leaf) => leaf.grad!);
    });
    for (const others of gradients.slice(1)) {
      for (const [i, gradient] of others.entries())
        expect(relativeError(gradient, gradients[0]![i]!)).toBeLessThan(1e-9);
    }
  });

  it("permute with the batch", () => {
    const { regions, words, mask } = example(D);
    const scores = wordScores(regions, words, mask, gamma);
    const [images, texts] = [
      [2, 0, 3, 1],
      [1, 3, 0, 2],
    ].map((order) => tensor(order, { dtype: "int64" }));
    const permuted = wordScores(
      regions.indexSelect(0, images!),
      words.indexSelect(0, texts!),
      mask.indexSelect(0, texts!),
      gamma,
    );
    const expected = scores.indexSelect(0, images!).indexSelect(1, texts!);
    expect(relativeError(permuted, expected)).toBeLessThan(1e-12);
  });

  it("are finite where a region, a word or a sentence is all zeros", () => {
    const { regions, words, mask, code, sentence } = example(D);
    for (const input of [regions, words, code, sentence]) {
      input.select(0, 1).zero_();
      input.requiresGrad = true;
    }
    sum(wordsLoss(regions, words, mask, gamma))
      .add(sum(sentenceLoss(code, sentence, gamma)))
      .backward();
    for (const input of [regions, words, code, sentence]) expect(input.grad!.isfinite().all().item()).toBe(1);
  });

  it.each([undefined, classes])("have the gradients of finite differences: classes %s", (classIds) => {
    const { regions, words, mask, code, sentence } = example(D);
    const list = ({ imageToText, textToImage }: MatchingLoss) => [imageToText, textToImage];
    gradcheck((r, w) => list(wordsLoss(r!, w!, mask, gamma, classIds)), [regions, words]);
    gradcheck((c, s) => list(sentenceLoss(c!, s!, gamma, classIds)), [code, sentence]);
  });
});

// The equations of Xu et al. (2018, §3.2) in loops over plain numbers.

/** R(image, caption) for all pairs. */
function referenceScores(regions: Tensor, words: Tensor): number[][] {
  return rows2(regions).map((image) =>
    captions(words).map((caption) => {
      const contexts = referenceContexts(image, caption);
      return Math.log(total(caption.map((word, t) => Math.exp(gamma[1] * cosine(contexts[t]!, word)))));
    }),
  );
}

/** The context of every word in an image, which is given as its regions. */
function referenceContexts(image: number[][], caption: number[][]): number[][] {
  const overWords = image.map((region) => softmax(caption.map((word) => dot(region, word)))); // e
  return caption.map((_, t) => {
    const overRegions = softmax(overWords.map((shares) => gamma[0] * shares[t]!)); // a
    return image[0]!.map((_, d) => total(image.map((region, r) => overRegions[r]! * region[d]!)));
  });
}

/** Cross entropies of the diagonal in both directions, among images of other classes. */
function referenceLosses(
  scores: number[][],
  classIds?: number[],
): [imageToText: number, textToImage: number] {
  const counts = (i: number, j: number) => i === j || !classIds || classIds[i] !== classIds[j];
  const entropy = (score: (i: number, j: number) => number) =>
    total(
      scores.map((_, i) => {
        const others = scores.map((_, j) => (counts(i, j) ? Math.exp(gamma[2] * score(i, j)) : 0));
        return Math.log(total(others)) - gamma[2] * score(i, i);
      }),
    ) / scores.length;
  return [entropy((i, j) => scores[i]![j]!), entropy((i, j) => scores[j]![i]!)];
}

const total = (xs: number[]) => xs.reduce((sum, x) => sum + x, 0);
const dot = (a: number[], b: number[]) => total(a.map((x, i) => x * b[i]!));
const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const softmax = (xs: number[]) => xs.map((x) => Math.exp(x) / total(xs.map(Math.exp)));

const rows = (tensor: Tensor) =>
  Array.from({ length: tensor.size(0) }, (_, i) => tensor.select(0, i).toNumbers());
/** [B, D, H, W] → images of regions of D numbers. */
const rows2 = (regions: Tensor) =>
  Array.from({ length: B }, (_, b) => rows(regions.select(0, b).flatten(1).t()));
/** [B, D, T] → captions of words of D numbers, without padding. */
const captions = (words: Tensor) =>
  lengths.map((length, b) => rows(words.select(0, b).narrow(1, 0, length).t()));

const matrix = (values: number[][]) => tensor(values, { dtype: "float64" });
const sum = ({ imageToText, textToImage }: MatchingLoss) => imageToText.add(textToImage);

function expectLosses(actual: MatchingLoss, [imageToText, textToImage]: [number, number]): void {
  expect(actual.imageToText.item()).toBeCloseTo(imageToText, 9);
  expect(actual.textToImage.item()).toBeCloseTo(textToImage, 9);
}
