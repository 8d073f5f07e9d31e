/**
 * Whether the discriminators have memorized the training images: what they answer for images of the split `val`, which
 * they do not see, beside training images and generated ones.
 */
import { type Config, imageSizes, Random } from "@sdgan/core";
import { cat, manualSeed, noGrad, randn, scope, type Tensor } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import { holdRandomStreams } from "../compute/random-streams.js";
import { type BatchPlan, planBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { fillPyramid, roomFor } from "../data/pyramid.js";
import { tensorOf } from "../data/tensors.js";
import type { TextFeatures } from "../models/text-features.js";
import { keepBuffers } from "./buffers.js";
import type { GanTrainer } from "./gan-trainer.js";

export interface OverfittingOptions {
  config: Config;
  data: Prepared;
  compute: Compute;
  trainer: GanTrainer;
  /** The text features of captions. */
  encode(batches: BatchPlan[]): TextFeatures;
}

/**
 * The mean of the unconditional logits for training images (`overfitting/stageN/train`), images of `val` (`…/val`) and
 * generated ones (`…/fake`), and the ratio
 *
 *   r_v = (E[D(train)] − E[D(val)]) / (E[D(train)] − E[D(fake)])
 *
 * (Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020, arXiv 2006.06676, equation 1): 0 if
 * D answers alike for training images and others, 1 if it takes those of `val` for generated ones.
 *
 * The networks normalize by the statistics of each batch and images are augmented, as in training. Images, captions and
 * random numbers are the same at every call, and no random stream, running statistic or weight is changed.
 */
export function measureOverfitting({
  config,
  data,
  compute,
  trainer,
  encode,
}: OverfittingOptions): Record<string, number> {
  const { generator, discriminators } = trainer.options;
  const sums = new Map<string, number>();
  using _ = holdRandomStreams(compute.device);
  using _buffers = keepBuffers([generator, ...discriminators]);
  manualSeed(config.seed);
  const batches = chooseBatches(config, data);
  for (const { train, val } of batches) {
    noGrad(() =>
      scope(() => {
        const text = encode([train]);
        const B = train.images.length;
        const { device, dtype } = compute;
        const noise = randn([B, generator.noise], { device }).to(dtype);
        const epsilon = randn([B, generator.conditioning.condition], { device });
        const fakes = generator.forward(noise, text, epsilon).images;
        const reals = { train: realImages("train", train), val: realImages("val", val) };
        for (const [stage, fake] of fakes.entries()) {
          const images = cat([reals.train[stage]!, reals.val[stage]!, fake]);
          const discriminator = discriminators[stage]!;
          const features = discriminator.forward(trainer.augmentation.apply(stage, images), [B, B, B]);
          const means = discriminator.unconditional(features).view(3, B).mean(1).toNumbers();
          for (const [i, of] of ["train", "val", "fake"].entries()) {
            const name = `overfitting/stage${stage + 1}/${of}`;
            sums.set(name, (sums.get(name) ?? 0) + means[i]! / batches.length);
          }
        }
      }),
    );
  }
  const figures = Object.fromEntries(sums);
  for (let stage = 1; stage <= generator.activeStages; stage++) {
    const prefix = `overfitting/stage${stage}`;
    const [train, val, fake] = ["train", "val", "fake"].map((of) => figures[`${prefix}/${of}`]!);
    figures[`${prefix}/ratio`] = (train! - val!) / (train! - fake!);
  }
  return figures;

  /** Real images at every stage's size. */
  function realImages(split: Split, plan: BatchPlan): Tensor[] {
    const sizes = imageSizes(config.generator);
    const images = roomFor(plan.windows.length, data.size, sizes);
    fillPyramid(data.splits[split].pixels, { ...plan, images: [...plan.images] }, data, images);
    return images.map((one) => tensorOf(one, compute));
  }
}

/** Least number of validation images: BN needs several in a batch. */
export const fewestOfVal = 4;

/** Equally many images of both splits, of the size of the training's batches as far as `val` suffices. */
function chooseBatches(
  { seed, training, siamese, data: { maxWords } }: Config,
  data: Prepared,
): Record<"train" | "val", BatchPlan>[] {
  const count = (split: Split) => data.splits[split].images.length;
  const perStep = training.batch * (siamese.enabled ? 2 : 1);
  const B = Math.min(perStep, count("train"), count("val"));
  const batches = Math.min(mostBatches, Math.floor(Math.min(count("train"), count("val")) / B));
  const random = new Random(seed, "overfitting");
  const places = (split: Split) => random.shuffled([...new Array(count(split)).keys()]);
  const chosen = { train: places("train"), val: places("val") };
  const plan = (split: "train" | "val", batch: number) =>
    planBatch(
      chosen[split].slice(batch * B, (batch + 1) * B).map((image) => ({ image, caption: 0 })),
      { data, split, maxWords },
    );
  return Array.from({ length: batches }, (_, batch) => ({
    train: plan("train", batch),
    val: plan("val", batch),
  }));
}

const mostBatches = 4;
