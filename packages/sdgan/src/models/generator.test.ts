import type { ScbnKind } from "@sdgan/core";
import { manualSeed, noGrad, randn } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { inGeneralPosition } from "../testing/gradients.js";
import { captionsOf, randomText } from "../testing/text.js";
import { ConditioningAugmentation, Generator, type GeneratorOptions } from "./generator.js";

const tiny: GeneratorOptions = {
  width: 2,
  stages: 3,
  firstSize: 8,
  residualBlocks: 1,
  noise: 3,
  condition: 4,
  textWidth: 6,
  scbn: ["sentence", "word", "both"],
  scbnHidden: 5,
};
const dtype = "float64";
const kinds = (stages: number, kind: ScbnKind) => new Array<ScbnKind>(stages).fill(kind);

beforeEach(() => manualSeed(1));

describe("conditioning augmentation", () => {
  it("computes μ + σ ⊙ ε, with the given ε or a new one each time", () => {
    const module = inGeneralPosition(new ConditioningAugmentation(6, 4));
    const [sentence, epsilon] = [randn([3, 6], { dtype }), randn([3, 4], { dtype })];
    const { code, mean, logVariance } = module.forward(sentence, epsilon);
    const expected = mean.add(logVariance.exp().sqrt().mul(epsilon));
    expect(relativeError(code, expected)).toBeLessThan(1e-12);
    const [one, other] = [module.forward(sentence), module.forward(sentence)];
    expect(one.mean.equal(other.mean)).toBe(true);
    expect(one.code.equal(other.code)).toBe(false);
  });
});

describe("generator", () => {
  it.each([
    { stages: 1, firstSize: 64, residualBlocks: 0, scbn: kinds(1, "sentence") },
    { stages: 2, firstSize: 16, residualBlocks: 0, scbn: kinds(2, "none") },
    { stages: 2, firstSize: 64, residualBlocks: 2, scbn: ["sentence", "word"] as const },
    { stages: 3, firstSize: 16, residualBlocks: 2, scbn: kinds(3, "both") },
    { stages: 4, firstSize: 8, residualBlocks: 2, scbn: kinds(4, "word") },
    { stages: 4, firstSize: 8, residualBlocks: 0, scbn: ["none", "sentence", "both", "word"] as const },
  ])("generates an image per stage: $stages from $firstSize, SCBN $scbn", (given) => {
    const generator = new Generator({ ...tiny, ...given });
    const text = randomText([3, 1], tiny.textWidth);
    const { images, attentions, mean, logVariance } = generator.forward(randn([2, tiny.noise]), text);
    const sizes = Array.from({ length: given.stages }, (_, i) => given.firstSize * 2 ** i);
    expect(images.map(({ shape }) => shape)).toEqual(sizes.map((size) => [2, 3, size, size]));
    expect(attentions.map(({ shape }) => shape)).toEqual(
      sizes.slice(0, -1).map((size) => [2, size * size, 3]),
    );
    expect([mean.shape, logVariance.shape]).toEqual([
      [2, 4],
      [2, 4],
    ]);
    for (const image of images) expect(image.abs().amax([]).item()).toBeLessThanOrEqual(1);
    const blocks = generator.later.map((stage) => stage.residual.length);
    expect(blocks).toEqual(new Array(given.stages - 1).fill(given.residualBlocks));
  });

  it("has the same number of parameters as AttnGAN's at the size for CUB", () => {
    const size = { width: 32, stages: 3, firstSize: 64, residualBlocks: 2, noise: 100, condition: 100 };
    const generator = new Generator({ ...tiny, ...size, textWidth: 256, scbn: kinds(3, "none") });
    expect(generator.parameterCount).toBe(7_084_592);
  });

  it("generates the same images before training as without SCBN", () => {
    const generator = new Generator({ ...tiny, scbn: kinds(3, "both") });
    const plain = new Generator({ ...tiny, scbn: kinds(3, "none") });
    const state = generator.stateDict();
    plain.loadStateDict(new Map([...plain.stateDict().keys()].map((name) => [name, state.get(name)!])));
    const inputs = [randn([3, 3]), randomText([2, 4, 1], tiny.textWidth), randn([3, 4])] as const;
    const expected = plain.forward(...inputs).images;
    for (const [i, image] of generator.forward(...inputs).images.entries())
      expect(image.equal(expected[i]!)).toBe(true);
  });

  it("generates the same image of a caption alone and in a batch, in evaluation", () => {
    const generator = inGeneralPosition(new Generator(tiny));
    const [noise, epsilon] = [randn([4, 3], { dtype }), randn([4, 4], { dtype })];
    const lengths = [2, 5, 1, 3];
    const text = randomText(lengths, tiny.textWidth, { dtype });
    noGrad(() => {
      generator.forward(noise, text, epsilon); // Updates the running statistics.
      generator.eval();
      const together = generator.forward(noise, text, epsilon).images;
      for (const [b, length] of lengths.entries()) {
        const { words, sentence, mask } = captionsOf(text, b, 1);
        const own = { words: words.narrow(2, 0, length), sentence, mask: mask.narrow(1, 0, length) };
        const alone = generator.forward(noise.narrow(0, b, 1), own, epsilon.narrow(0, b, 1)).images;
        for (const [i, image] of alone.entries())
          expect(relativeError(image, together[i]!.narrow(0, b, 1))).toBeLessThan(1e-9);
      }
    });
  });

  it.each(["sentence", "word", "both"] as const)("depends on every word once SCBN is trained: %s", (kind) => {
    const generator = inGeneralPosition(new Generator({ ...tiny, stages: 1, scbn: [kind] })).eval();
    const text = randomText([3], tiny.textWidth, { dtype });
    const [noise, epsilon] = [randn([1, 3], { dtype }), randn([1, 4], { dtype })];
    const leaf = kind === "sentence" ? text.sentence : text.words;
    leaf.requiresGrad = true;
    generator.forward(noise, text, epsilon).images[0]!.square().sum().backward();
    expect(leaf.grad!.ne(0).all().item()).toBe(1);
  });
});
