/** For tests of training options: two stages of 8 and 16 pixels, in float64. */
import { randn, type Tensor, tensor } from "@sdgan/torch";
import { Discriminator, type DiscriminatorOptions } from "../models/discriminator.js";
import { Generator } from "../models/generator.js";
import type { GanBatch, GanNoise } from "../training/gan-batch.js";
import { GanTrainer, type GanTrainerOptions } from "../training/gan-trainer.js";
import { randomText } from "./text.js";

const sizes = [8, 16];
const [B, textWidth] = [4, 8];
const dtype = "float64";

/** A trainer, and the gradients that its phases passed to the optimizers, as numbers by name of the phase. */
export function tinyTrainer(
  options: Partial<GanTrainerOptions> = {},
  discriminatorOptions: Partial<DiscriminatorOptions> = {},
) {
  const generatorOptions = {
    ...{ width: 4, stages: sizes.length, firstSize: sizes[0]!, residualBlocks: 1, noise: 5, condition: 6 },
    ...{ textWidth, scbn: ["sentence" as const, "both" as const], scbnHidden: 4 },
  };
  const [generator, average] = [new Generator(generatorOptions), new Generator(generatorOptions)];
  const discriminators = sizes.map(
    (imageSize) => new Discriminator({ width: 4, imageSize, textWidth, ...discriminatorOptions }),
  );
  for (const network of [generator, average, ...discriminators]) network.to({ dtype });
  const gradients = new Map<string, number[]>();
  const contrastive = {
    ...{ weight: 0, alpha: 0.1, epsilon: 1, distance: "perElement" as const },
    ...{ generator: false, discriminator: false },
  };
  const trainer = new GanTrainer({
    ...{ generator, average, discriminators, contrastive },
    // The discriminators are not changed, so that the generator's phase uses the same networks as formulas.
    learningRate: { generator: 1e-3, discriminator: 0 },
    ...{ betas: [0.5, 0.999], averageDecay: 0.999, klWeight: 1, sharedNoise: false },
    onGradients: (phase, own) => {
      gradients.set(phase, numbersOf(own as Tensor[]));
      return own;
    },
    ...options,
  });
  return { trainer, generator, discriminators, gradients };
}

/** All numbers of all tensors. */
export const numbersOf = (tensors: readonly Tensor[]) => tensors.flatMap((one) => one.toNumbers());

export function tinyBatch(): { batch: GanBatch & Required<Pick<GanBatch, "same">>; noise: GanNoise } {
  const text = randomText([3, 1, 4, 2], textWidth);
  return {
    batch: {
      real: sizes.map((size) => randn([B, 3, size, size]).tanh().to(dtype)),
      text: { words: text.words.to(dtype), sentence: text.sentence.to(dtype), mask: text.mask },
      same: tensor([1, 0], { dtype }),
    },
    noise: { noise: randn([B, 5]).to(dtype), epsilon: randn([B, 6]).to(dtype) },
  };
}
