/**
 * For tests of the golden tests: files in the format of the golden files with other sizes, settings and
 * phases, computed by this project's code. They do not verify that code. They verify that the tests read
 * every constant from the files.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  functional,
  grad,
  manualSeed,
  noGrad,
  randn,
  saveSafetensors,
  type Tensor,
  tensor,
} from "@sdgan/torch";
import { frechetDistance } from "../evaluation/metrics/frechet-distance.js";
import { inceptionScore } from "../evaluation/metrics/inception-score.js";
import { type Gamma, sentenceLoss, wordContexts, wordsLoss } from "../losses/damsm.js";
import { attnganDiscriminatorName, attnganGeneratorName, attnganState } from "../models/attngan-names.js";
import { Discriminator } from "../models/discriminator.js";
import { Generator } from "../models/generator.js";
import { TextEncoder, wordMask } from "../models/text-encoder.js";
import { WordAttention } from "../models/word-attention.js";
import { GanTrainer } from "../training/gan-trainer.js";
import { formulaTensor } from "./formula.js";
import { trajectoryLosses } from "./trajectory.js";

/** Writes all files except Inception's, whose network has a fixed size and is slow. */
export function writeOtherGolden(folder: string): void {
  manualSeed(11);
  const save = (name: string, tensors: Record<string, Tensor>, metadata: Record<string, unknown> = {}) =>
    saveSafetensors(
      join(folder, `${name}.safetensors`),
      new Map(Object.entries(tensors)),
      Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)])),
    );
  noGrad(() => {
    save("text-encoder", textEncoder());
    save("attention", attention(2.5), { gamma1: 2.5 });
  });
  save("damsm-losses", ...damsmLosses([3, 4, 7]));
  save("attngan-trajectory", ...trajectory({ lr: 3e-4, betas: [0.4, 0.99], eps: 1e-6 }));
  writeFileSync(join(folder, "metrics.json"), JSON.stringify(metrics()));
}

/** Its width differs from that of all other files' networks. */
function textEncoder(): Record<string, Tensor> {
  const encoder = new TextEncoder({ vocabularySize: 23, embedding: 11, width: 26, dropout: 0.5 }).eval();
  const captions = tensor(
    Array.from({ length: 5 }, (_, b) => Array.from({ length: 9 }, (_, t) => 1 + ((7 * b + 5 * t) % 22))),
    { dtype: "int64" },
  );
  const lengths = [8, 6, 6, 2, 1];
  const { words, sentence } = encoder.forward(captions, lengths);
  const weights = Array.from(encoder.stateDict(), ([name, weight]) => [`weights.${name}`, weight]);
  return {
    ...Object.fromEntries(weights),
    captions,
    lengths: tensor(lengths, { dtype: "int64" }),
    words: words.narrow(2, 0, lengths[0]!).contiguous(),
    sentence,
  };
}

function attention(gamma1: number): Record<string, Tensor> {
  const [query, regions] = [randn([3, 10, 5]), randn([3, 10, 4, 6])];
  const all = wordContexts(regions, query, wordMask([5, 5, 5], 5), gamma1);
  const own = (values: Tensor, b: number) => values.select(0, b).select(0, b);
  const each = [0, 1, 2];
  const layer = new WordAttention(12, 7);
  const [input, words] = [randn([2, 7, 6, 6]), randn([2, 12, 8])];
  const text = { words, mask: wordMask([8, 8], 8), sentence: words.mean(2) };
  const found = layer.forward(input, text);
  return {
    "damsm.query": query,
    "damsm.context": regions,
    "damsm.weighted": stacked(each.map((b) => own(all.context, b).t())),
    "damsm.attention": stacked(each.map((b) => own(all.attention, b).view(5, 4, 6))),
    "word.weights.conv_context.weight": layer.project.weight.view(7, 12, 1, 1),
    "word.input": input,
    "word.words": words,
    "word.weighted": found.context.contiguous(),
    "word.attention": found.attention.transpose(1, 2).reshape(2, 8, 6, 6),
  };
}

function damsmLosses(gamma: Gamma): [Record<string, Tensor>, Record<string, unknown>] {
  const inputs = {
    regions: randn([5, 8, 3, 4]),
    words: randn([5, 8, 6]),
    code: randn([5, 8]),
    sentence: randn([5, 8]),
  };
  for (const input of Object.values(inputs)) input.requiresGrad = true;
  const { regions, words, code, sentence } = inputs;
  const lengths = [6, 3, 5, 1, 4];
  const mask = wordMask(lengths, 6);
  const classes = tensor([1, 2, 1, 3, 2], { dtype: "int64" });
  const lossesOf = (classIds?: Tensor) =>
    [wordsLoss(regions, words, mask, gamma, classIds), sentenceLoss(code, sentence, gamma, classIds)].flatMap(
      ({ imageToText, textToImage }) => [imageToText, textToImage],
    );
  const losses = lossesOf(classes);
  const gradients = grad([losses.reduce((sum, loss) => sum.add(loss))], Object.values(inputs));
  const [wordsImage, wordsText, sentenceImage, sentenceText] = losses.map((loss) => loss.item());
  return [
    {
      ...Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.detach()])),
      ...Object.fromEntries(Object.keys(inputs).map((name, i) => [`grad.${name}`, gradients[i]!])),
      lengths: tensor(lengths, { dtype: "int64" }),
      class_ids: classes,
    },
    {
      gamma,
      losses: {
        words_image_to_text: wordsImage,
        words_text_to_image: wordsText,
        sentence_image_to_text: sentenceImage,
        sentence_text_to_image: sentenceText,
        no_class_mask: lossesOf().map((loss) => loss.item()),
      },
    },
  ];
}

/**
 * Two stages of 16 and 32 pixels, two steps. The width of text features differs from that of all golden text
 * encoders.
 */
function trajectory(adam: {
  lr: number;
  betas: [number, number];
  eps: number;
}): [Record<string, Tensor>, Record<string, unknown>] {
  const [B, textWidth, sizes] = [3, 14, [16, 32]];
  const options = {
    ...{ width: 2, stages: 2, firstSize: 16, residualBlocks: 1, noise: 7, condition: 5, textWidth },
    ...{ scbn: ["none", "none"] as const, scbnHidden: 1 },
  };
  const generator = new Generator(options);
  const discriminators = sizes.map((imageSize) => new Discriminator({ width: 3, imageSize, textWidth }));
  const trainer = new GanTrainer({
    ...{ generator, average: new Generator(options), discriminators },
    learningRate: { generator: adam.lr, discriminator: adam.lr },
    ...{ betas: adam.betas, averageDecay: 0.999, klWeight: 1, sharedNoise: false },
    contrastive: {
      ...{
        weight: 0,
        alpha: 0.1,
        epsilon: 1,
        distance: "perElement",
        generator: false,
        discriminator: false,
      },
    },
  });
  for (const optimizer of [trainer.generatorOptimizer, ...trainer.discriminatorOptimizers])
    Object.assign(optimizer, { eps: adam.eps });

  const tensors: Record<string, Tensor> = {};
  const put = (prefix: string, values: Iterable<[string, Tensor]>) => {
    for (const [name, value] of values) tensors[prefix + name] = value.detach().clone();
  };
  put("G.", attnganState(generator.stateDict(), attnganGeneratorName));
  for (const [i, imageSize] of sizes.entries())
    put(
      `D${i}.`,
      attnganState(discriminators[i]!.stateDict(), (name) => attnganDiscriminatorName(name, imageSize)),
    );
  const history = [0, 1].map((step) => {
    const [z, eps, sentence] = [randn([B, 7]), randn([B, 5]), randn([B, textWidth])];
    const [words, real16] = [randn([B, textWidth, 4]), randn([B, 3, 16, 16]).tanh()];
    put(`step${step}.`, Object.entries({ z, eps, sentence, words, real16 }));
    const text = { words, sentence, mask: wordMask([4, 4, 4], 4) };
    const real = sizes.map((size) => functional.upsampleNearest(real16, size / 16));
    const sampled = { noise: z, epsilon: eps };
    if (step === 0) put("expect.", expectation(generator, discriminators, { text, real, sampled }));
    return trajectoryLosses(trainer.step({ real, text }, sampled), sizes.length);
  });
  const state = generator.stateDict();
  tensors["after.G.img_net2"] = state.get("toImage.1.weight")!;
  tensors["after.G.bn_running_mean"] = state.get("first.upBlocks.0.norm.running_mean")!;
  return [tensors, { adam, history }];
}

/** Outputs of the networks. Running statistics are restored afterwards. */
function expectation(
  generator: Generator,
  discriminators: Discriminator[],
  {
    text,
    real,
    sampled,
  }: {
    text: Parameters<Generator["forward"]>[1];
    real: Tensor[];
    sampled: { noise: Tensor; epsilon: Tensor };
  },
): [string, Tensor][] {
  const networks = [generator, ...discriminators];
  const before = networks.map(
    (network) => new Map(Array.from(network.stateDict(), ([name, value]) => [name, value.clone()])),
  );
  const found = noGrad(() => {
    const { images, mean, logVariance, attentions } = generator.forward(sampled.noise, text, sampled.epsilon);
    const ofDiscriminators = discriminators.flatMap((discriminator, i): [string, Tensor][] => {
      const features = discriminator.forward(real[i]!);
      return [
        [`D${i}.features`, features],
        [`D${i}.cond`, discriminator.conditional(features, text.sentence).sigmoid()],
        [`D${i}.uncond`, discriminator.unconditional(features).sigmoid()],
      ];
    });
    return [
      ["image16", images[0]!],
      ["image32_pooled", functional.avgPool2d(images[1]!, 4)],
      ["mu", mean],
      ["logvar", logVariance],
      ["attention1_mean", attentions[0]!.mean(1)],
      ...ofDiscriminators,
    ] as [string, Tensor][];
  });
  for (const [i, network] of networks.entries()) network.loadStateDict(before[i]!);
  return found;
}

function metrics() {
  const [a, b, p] = [
    "sin(0.53 i + 0.9)",
    "0.8 cos(0.29 i - 0.4) + 0.1",
    "exp(1.5 sin(0.77 i + 2.1))",
  ] as const;
  const [first, second] = [formulaTensor(a, [48, 12]), formulaTensor(b, [70, 12])];
  const unscaled = formulaTensor(p, [60, 7]);
  const score = (splits: number) => {
    const { mean, deviation } = inceptionScore(unscaled.div(unscaled.sum(1, true)), splits);
    return [mean, deviation];
  };
  return {
    fid: {
      ...{ a: `${a} as [48,12]`, b: `${b} as [70,12]` },
      ...{ value: frechetDistance(first, second), self: frechetDistance(first, first) },
    },
    inception_score: {
      p: `rows of ${p} as [60,7], each divided by its sum`,
      splits6: score(6),
      splits1: score(1),
    },
  };
}

/** Stacks tensors of one shape along a new first dimension. */
function stacked(tensors: Tensor[]): Tensor {
  const [one] = tensors as [Tensor, ...Tensor[]];
  const whole = randn([tensors.length, ...one.shape]);
  for (const [i, each] of tensors.entries()) whole.select(0, i).copy_(each);
  return whole;
}
