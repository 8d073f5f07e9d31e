import { functional, noGrad, scope, setMkldnn, type Tensor } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attnganDiscriminatorName, attnganGeneratorName, loadAttnganState } from "../models/attngan-names.js";
import { Discriminator } from "../models/discriminator.js";
import { Generator } from "../models/generator.js";
import { wordMask } from "../models/text-encoder.js";
import { expectClose, golden } from "../testing/golden.js";
import { type GanMetrics, GanTrainer } from "./gan-trainer.js";

interface Dims {
  gf: number;
  df: number;
  z: number;
  condition: number;
  embedding: number;
  words: number;
  residual_blocks: number;
}

const file = golden("attngan-trajectory");
const dims = file.metadata.dims as Dims;
const adam = file.metadata.adam as { lr: number; betas: [number, number] };
const history = file.metadata.history as { d: number[]; g: number[]; kl: number; grad_norm_G: number }[];
const sizes = [64, 128, 256];

function build() {
  const options = {
    width: dims.gf,
    stages: sizes.length,
    firstSize: sizes[0]!,
    residualBlocks: dims.residual_blocks,
    noise: dims.z,
    condition: dims.condition,
    textWidth: dims.embedding,
    scbn: sizes.map(() => "none" as const),
    scbnHidden: 1,
  };
  const generator = new Generator(options);
  loadAttnganState(generator, file.below("G."), attnganGeneratorName);
  const discriminators = sizes.map((imageSize, i) => {
    const discriminator = new Discriminator({ width: dims.df, imageSize, textWidth: dims.embedding });
    loadAttnganState(discriminator, file.below(`D${i}.`), (name) =>
      attnganDiscriminatorName(name, imageSize),
    );
    return discriminator;
  });
  const trainer = new GanTrainer({
    generator,
    average: new Generator(options),
    discriminators,
    learningRate: { generator: adam.lr, discriminator: adam.lr },
    betas: adam.betas,
    averageDecay: 0.999,
    klWeight: 1,
    contrastive: {
      weight: 0,
      alpha: 0.1,
      epsilon: 1,
      distance: "perElement",
      generator: false,
      discriminator: false,
    },
  });
  return { generator, discriminators, trainer };
}

function inputs(step: number) {
  const at = (name: string) => file.get(`step${step}.${name}`);
  const [sentence, words] = [at("sentence"), at("words")];
  const [B, T] = [words.size(0), words.size(2)];
  const text = { sentence, words, mask: wordMask(new Array(B).fill(T), T) };
  const real = sizes.map((size) => functional.upsampleNearest(at("real16"), size / at("real16").size(2)));
  return { batch: { real, text }, draws: { noise: at("z"), epsilon: at("eps") } };
}

// A gradient of nearly zero has a sign that rounding decides, and Adam's first steps go by the sign: four steps agree
// only if sums are taken in the published code's order, which is that of the plain convolutions.
beforeAll(() => setMkldnn(false));
afterAll(() => setMkldnn(true));

describe("four training steps of the AttnGAN baseline", () => {
  it("draws what the published code draws before the first step", () => {
    const { generator, discriminators } = build();
    const { batch, draws } = inputs(0);
    noGrad(() =>
      scope(() => {
        const { images, mean, logVariance, attentions } = generator.forward(
          draws.noise,
          batch.text,
          draws.epsilon,
        );
        const pooled = (image: Tensor) =>
          functional.avgPool2d(image, image.size(2) / file.get("expect.image128_pooled").size(2));
        expectClose(images[0]!, file.get("expect.image64"), 1e-4);
        expectClose(pooled(images[1]!), file.get("expect.image128_pooled"), 1e-4);
        expectClose(pooled(images[2]!), file.get("expect.image256_pooled"), 1e-4);
        expectClose(mean, file.get("expect.mu"), 1e-4);
        expectClose(logVariance, file.get("expect.logvar"), 1e-4);
        expectClose(attentions[0]!.mean(1), file.get("expect.attention1_mean"), 1e-4);
        for (const [i, discriminator] of discriminators.entries()) {
          const features = discriminator.forward(batch.real[i]!);
          expectClose(features, file.get(`expect.D${i}.features`), 1e-4);
          expectClose(
            discriminator.conditional(features, batch.text.sentence).sigmoid(),
            file.get(`expect.D${i}.cond`),
            1e-4,
          );
          expectClose(discriminator.unconditional(features).sigmoid(), file.get(`expect.D${i}.uncond`), 1e-4);
        }
      }),
    );
  });

  it("reaches the published code's losses and weights step by step", () => {
    const { generator, trainer } = build();
    for (const [step, expected] of history.entries()) {
      const { batch, draws } = inputs(step);
      const metrics: GanMetrics = trainer.step(batch, draws);
      const close = (actual: number, value: number) =>
        expect(Math.abs(actual - value) / Math.abs(value)).toBeLessThan(1e-3);
      for (const [i, value] of expected.d.entries()) close(metrics.discriminator[i]!, value);
      for (const [i, value] of expected.g.entries()) close(metrics.generator[i]!, value);
      close(metrics.kl, expected.kl);
    }
    const state = generator.stateDict();
    expectClose(state.get("toImage.2.weight")!, file.get("after.G.img_net3"), 1e-3);
    expectClose(state.get("first.upBlocks.0.norm.running_mean")!, file.get("after.G.bn_running_mean"), 1e-3);
  });
});
