/**
 * Every term of both losses, compared with its formula: the gradients passed to the optimizers are the sum of λ times each
 * term's own gradient. Dropping, negating or reweighting any term makes a difference.
 */
import { type DType, full, gradOrNull, manualSeed, randn, stack, type Tensor, tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { Discriminator } from "../models/discriminator.js";
import { Generator } from "../models/generator.js";
import { randomText } from "../testing/text.js";
import type { GanBatch, GanNoise } from "./gan-batch.js";
import { GanTrainer, type GanTrainerOptions } from "./gan-trainer.js";

const sizes = [8, 16];
const [B, textWidth] = [4, 8];
const contrastive = { weight: 1.5, alpha: 0.2, epsilon: 3, distance: "perElement" } as const;
const weights = { kl: 0.7, damsm: 3, contrastive: contrastive.weight };
const dtype: DType = "float64";

/** All weights differ, so that no two terms can be confused. */
function make(options: Partial<GanTrainerOptions> = {}) {
  const generatorOptions = {
    ...{ width: 4, stages: sizes.length, firstSize: sizes[0]!, residualBlocks: 1, noise: 5, condition: 6 },
    ...{ textWidth, scbn: ["sentence" as const, "both" as const], scbnHidden: 4 },
  };
  const [generator, average] = [new Generator(generatorOptions), new Generator(generatorOptions)];
  const discriminators = sizes.map((imageSize) => new Discriminator({ width: 4, imageSize, textWidth }));
  for (const network of [generator, average, ...discriminators]) network.to({ dtype });
  /** Numbers, since the tensors end with the step. */
  const gradients = new Map<string, number[]>();
  const trainer = new GanTrainer({
    ...{ generator, average, discriminators },
    // The discriminators are not changed, so that the generator's phase uses the same networks as the formulas.
    learningRate: { generator: 1e-3, discriminator: 0 },
    ...{ betas: [0.5, 0.999], averageDecay: 0.999, klWeight: weights.kl, sharedNoise: false },
    damsm: { weight: weights.damsm, losses: damsmLosses },
    contrastive: { ...contrastive, generator: true, discriminator: true },
    onGradients: (phase, own) => {
      gradients.set(phase, flat(own, own as Tensor[]));
      return own;
    },
    ...options,
  });
  return { trainer, generator, discriminators, gradients };
}

const damsmLosses = (image: Tensor) => ({ words: image.square().mean(), sentence: image.abs().mean() });

let batch: GanBatch & Required<Pick<GanBatch, "same">>;
let noise: GanNoise;
beforeEach(() => {
  manualSeed(3);
  const text = randomText([3, 1, 4, 2], textWidth);
  batch = {
    real: sizes.map((size) => randn([B, 3, size, size]).tanh().to(dtype)),
    text: { words: text.words.to(dtype), sentence: text.sentence.to(dtype), mask: text.mask },
    same: tensor([1, 0], { dtype }),
  };
  noise = { noise: randn([B, 5]).to(dtype), epsilon: randn([B, 6]).to(dtype) };
});

/** −log of the probability that the logits give to "real" (1) or "generated" (0): from the definition, not from a kernel. */
const crossEntropy = (logits: Tensor, target: 0 | 1) =>
  (target === 1 ? logits : logits.neg()).sigmoid().log().mean().neg();

/** L_c by its formula, written out pair by pair. */
function pairLoss(features: Tensor): Tensor {
  const [v1, v2] = features.flatten(1).chunk(2, 0) as [Tensor, Tensor];
  const N = v1.size(1);
  const losses = [1, 0].map((y, pair) => {
    const d = v1.select(0, pair).sub(v2.select(0, pair)).square().sum().div(N).sqrt();
    const distance = d.item();
    if (y === 1)
      return distance > contrastive.alpha ? d.square() : full([], contrastive.alpha ** 2, { dtype });
    return distance < contrastive.epsilon
      ? d.neg().add(contrastive.epsilon).square()
      : full([], 0, { dtype });
  });
  return losses[0]!.add(losses[1]!).div(2).div(2); // a mean over two pairs, and the ½ before the sum
}

/** The terms of one discriminator's loss, and their weights. */
function discriminatorFormulas(network: Discriminator, stage: number, image: Tensor) {
  const { sentence } = batch.text;
  const real = network.forward(batch.real[stage]!);
  const fake = network.forward(image.detach());
  const next = sentence.narrow(0, 1, B - 1).unbind(0);
  const sentences = next.map((one, i) =>
    batch.changed?.exists.select(0, i).item() ? batch.changed.sentence.select(0, i) : one,
  );
  const wrong = network.conditional(real.narrow(0, 0, B - 1), stack(sentences));
  return {
    real: [1 / 2, crossEntropy(network.unconditional(real), 1)],
    realConditional: [1 / 2, crossEntropy(network.conditional(real, sentence), 1)],
    fake: [1 / 3, crossEntropy(network.unconditional(fake), 0)],
    fakeConditional: [1 / 3, crossEntropy(network.conditional(fake, sentence), 0)],
    wrong: [1 / 3, crossEntropy(wrong, 0)],
    contrastive: [weights.contrastive, pairLoss(fake)],
  } satisfies Record<string, [number, Tensor]>;
}

/** The terms of the generator's loss, and their weights. */
function generatorFormulas(generator: Generator, discriminators: Discriminator[]) {
  const { images, mean, logVariance } = generator.forward(noise.noise, batch.text, noise.epsilon);
  const stages = discriminators.flatMap((network, i): [string, [number, Tensor]][] => {
    const features = network.forward(images[i]!);
    const [all, own] = [network.unconditional(features), network.conditional(features, batch.text.sentence)];
    return [
      [`generator/stage${i + 1}/fake`, [1, crossEntropy(all, 1)]],
      [`generator/stage${i + 1}/fakeConditional`, [1, crossEntropy(own, 1)]],
      [`contrastive/stage${i + 1}`, [weights.contrastive, pairLoss(features)]],
    ];
  });
  const variance = logVariance.exp();
  const kl = variance.add(mean.square()).sub(1).sub(logVariance).mean().div(2);
  const { words, sentence } = damsmLosses(images.at(-1)!);
  return Object.fromEntries([
    ...stages,
    ["kl", [weights.kl, kl]],
    ["damsm/words", [weights.damsm, words]],
    ["damsm/sentence", [weights.damsm, sentence]],
  ]) as Record<string, [number, Tensor]>;
}

const flat = (tensors: readonly (Tensor | null)[], like: readonly Tensor[]) =>
  tensors.flatMap((one, i) => (one ? one.toNumbers() : new Array<number>(like[i]!.numel).fill(0)));

function expectNear(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(error / scale).toBeLessThan(1e-9);
}

/** Σ λ · ∂term/∂parameters, and each term's part. No part may be negligible, or dropping its term would not be detected. */
function gradientOf(formulas: Record<string, [number, Tensor]>, parameters: Tensor[]): number[] {
  const own = Object.entries(formulas).map(([name, [weight, value]]) => {
    const values = flat(gradOrNull([value], parameters, { retainGraph: true }), parameters);
    expect(Math.max(...values.map(Math.abs)), name).toBeGreaterThan(1e-6);
    return values.map((number) => weight * number);
  });
  return own[0]!.map((_, i) => own.reduce((sum, values) => sum + values[i]!, 0));
}

describe("the gradients that reach the optimizers", () => {
  it.each(sizes.map((_, stage) => stage))("are those of every term of L_D, stage %i", (stage) => {
    const { trainer, generator, discriminators, gradients } = make();
    const network = discriminators[stage]!;
    const { images } = generator.forward(noise.noise, batch.text, noise.epsilon);
    const formulas = discriminatorFormulas(network, stage, images[stage]!);
    const expected = gradientOf(formulas, network.parameters());
    const { losses } = trainer.step(batch, noise);
    const phase = `discriminator/stage${stage + 1}`;
    expectNear(gradients.get(phase)!, expected);
    for (const [name, [, value]] of Object.entries(formulas))
      expect(losses[`${phase}/${name}`]!.item(), name).toBeCloseTo(value.item(), 9);
  });

  it("are those of L_D with changed sentences in place of some of the other images'", () => {
    const { trainer, generator, discriminators, gradients } = make();
    batch.changed = {
      sentence: randn([B, textWidth]).to(dtype),
      exists: tensor([true, false, true, true], { dtype: "bool" }).unsqueeze(1),
    };
    const network = discriminators[0]!;
    const { images } = generator.forward(noise.noise, batch.text, noise.epsilon);
    const formulas = discriminatorFormulas(network, 0, images[0]!);
    const expected = gradientOf(formulas, network.parameters());
    const { losses } = trainer.step(batch, noise);
    expectNear(gradients.get("discriminator/stage1")!, expected);
    expect(losses["discriminator/stage1/wrong"]!.item()).toBeCloseTo(formulas.wrong[1].item(), 9);
  });

  it("are those of every term of L_G", () => {
    const { trainer, generator, discriminators, gradients } = make();
    // The discriminators' batch statistics of the generator's phase are those of generated images alone.
    const formulas = generatorFormulas(generator, discriminators);
    const expected = gradientOf(formulas, generator.parameters());
    const { losses } = trainer.step(batch, noise);
    expectNear(gradients.get("generator")!, expected);
    for (const [name, [, value]] of Object.entries(formulas))
      expect(losses[name]!.item(), name).toBeCloseTo(value.item(), 9);
  });

  it.each([
    { term: "kl", options: { klWeight: 0 }, weight: weights.kl },
    { term: "damsm", options: { damsm: { weight: 0, losses: damsmLosses } }, weight: weights.damsm },
    {
      term: "contrastive",
      options: { contrastive: { ...contrastive, generator: false, discriminator: true } },
      weight: weights.contrastive,
    },
  ])("change by λ times the term's own gradient: $term", ({ term, options, weight }) => {
    const step = (changed: Partial<GanTrainerOptions>) => {
      manualSeed(5);
      const made = make(changed);
      made.trainer.step(batch, noise);
      return { ...made, numbers: made.gradients.get("generator")! };
    };
    const [withTerm, without] = [step({}), step(options)];
    manualSeed(5);
    const { generator, discriminators } = make();
    const formulas = generatorFormulas(generator, discriminators);
    const values = Object.entries(formulas).filter(([name]) => name.startsWith(term));
    expect(values.length).toBeGreaterThan(0);
    const sum = values.map(([, [, value]]) => value).reduce((total, value) => total.add(value));
    const own = flat(gradOrNull([sum], generator.parameters()), generator.parameters());
    expectNear(
      withTerm.numbers.map((number, i) => number - without.numbers[i]!),
      own.map((number) => weight * number),
    );
  });
});

it("the optimizers get what onGradients returns", () => {
  manualSeed(5);
  const { trainer, generator } = make({ onGradients: (_, own) => own.map((gradient) => gradient!.mul(0)) });
  const before = generator.parameters().map((parameter) => parameter.toNumbers());
  trainer.step(batch, noise);
  expect(generator.parameters().map((parameter) => parameter.toNumbers())).toEqual(before);
});
