/** For tests of whole training steps: a GAN of two stages in float32, and its batches. */
import { type nn, randn, type Tensor, tensor } from "@sdgan/torch";
import { Discriminator } from "../models/discriminator.js";
import { Generator, type GeneratorOptions } from "../models/generator.js";
import type { GanBatch } from "../training/gan-batch.js";
import { GanTrainer, type GanTrainerOptions } from "../training/gan-trainer.js";
import { randomText } from "./text.js";

const sizes = [8, 16];
const lengths = [3, 1, 4, 2];

export const generatorOptions: GeneratorOptions = {
  width: 4,
  stages: sizes.length,
  firstSize: sizes[0]!,
  residualBlocks: 1,
  noise: 5,
  condition: 6,
  textWidth: 8,
  scbn: ["sentence", "both"],
  scbnHidden: 4,
};

export const contrastive = {
  weight: 1,
  alpha: 0.1,
  epsilon: 1,
  distance: "perElement",
  generator: true,
  discriminator: true,
} as const;

export function makeTrainer(options: Partial<GanTrainerOptions> = {}): GanTrainer {
  const { textWidth } = generatorOptions;
  return new GanTrainer({
    generator: new Generator(generatorOptions),
    average: new Generator(generatorOptions),
    discriminators: sizes.map((imageSize) => new Discriminator({ width: 4, imageSize, textWidth })),
    learningRate: { generator: 1e-3, discriminator: 1e-3 },
    betas: [0.5, 0.999],
    averageDecay: 0.999,
    klWeight: 1,
    sharedNoise: false,
    contrastive,
    ...options,
  });
}

/** Two pairs: two captions of one image, and captions of two images. */
export const pairs = (): GanBatch => ({
  real: sizes.map((size) => randn([4, 3, size, size]).tanh()),
  text: randomText(lengths, generatorOptions.textWidth),
  same: tensor([1, 0]),
});

/** The noise of a step with `pairs`. */
export const samples = () => ({ noise: randn([4, 5]), epsilon: randn([4, 6]) });

export const numbers = (tensors: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, value.item()]));

/** A substitute for DAMSM: two different losses of the last image. */
export const damsm = {
  weight: 3,
  losses: (image: Tensor) => ({ words: image.square().mean(), sentence: image.abs().mean() }),
};

/** Bytes of every parameter, to detect which have changed. */
export const bytes = (network: nn.Module) => network.parameters().map((parameter) => parameter.toBytes());

/** Whether each parameter has changed, in their order. */
export const moved = (network: nn.Module, before: Uint8Array[]) =>
  bytes(network).map((now, i) => Buffer.compare(now, before[i]!) !== 0);
