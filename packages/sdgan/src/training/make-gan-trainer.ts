import { type Config, imageSizes, learningRateFactor, stagesAfter, stepsSinceGrowth } from "@sdgan/core";
import { nn, type Tensor } from "@sdgan/torch";
import type { ProcessGroup } from "@sdgan/torch/distributed";
import { makeGenerator } from "../artifacts/model.js";
import type { Device } from "../compute/device.js";
import { fit } from "../compute/images.js";
import type { Processes } from "../distributed/processes.js";
import { Discriminator, type DiscriminatorNetwork } from "../models/discriminator.js";
import { FeatureDiscriminator } from "../models/feature-discriminator.js";
import type { ImageEncoder } from "../models/image-encoder.js";
import { inceptionSize } from "../models/inception/inception-v3.js";
import { GanTrainer, type GanTrainerOptions } from "./gan-trainer.js";

/**
 * A trainer for a configuration, with new networks on a device.
 *
 * @param encoder DAMSM's frozen image encoder, for `discriminator.features=damsm`
 */
export function makeGanTrainer(
  config: Config,
  {
    device = "cpu",
    damsm,
    encoder,
    processes,
  }: Pick<GanTrainerOptions, "damsm"> & {
    device?: Device;
    encoder?: ImageEncoder;
    processes?: Processes | undefined;
  } = {},
): GanTrainer {
  const { training, contrastive, penalty } = config;
  const [generator, average] = [makeGenerator(config), makeGenerator(config)];
  const discriminators = imageSizes(config.generator).map((imageSize) =>
    makeDiscriminator(config, imageSize, encoder),
  );
  for (const network of [generator, average, ...discriminators])
    network.to({ device, memoryFormat: "channels_last" });
  if (processes && training.syncBatchNorm)
    for (const network of [generator, ...discriminators]) synchronizeBatchNorm(network, processes.group);
  const buckets = processes?.gradientBuckets();
  return new GanTrainer({
    ...{ generator, average, discriminators, contrastive },
    learningRate: training.learningRate,
    betas: training.betas,
    averageDecay: training.average,
    klWeight: training.klWeight,
    sharedNoise: config.siamese.sharedNoise,
    // Metrics are written at multiples of log.every.
    ...(config.log.gradients && { gradientsEvery: Math.ceil(100 / config.log.every) * config.log.every }),
    adversarialLoss: training.loss,
    ...(training.decay !== "none" && {
      learningRateFactor: (steps: number) => learningRateFactor(config, steps),
    }),
    augmentation: config.augment,
    ...(penalty.kind !== "none" && { penalty: { ...penalty, kind: penalty.kind } }),
    ...(training.grow.length > 0 && {
      stagesAfter: (steps: number) => stagesAfter(config, steps),
      // The random weights of a stage that joins soon lose their influence on the average.
      averagedSteps: (steps: number) => stepsSinceGrowth(config, steps),
    }),
    ...(damsm && { damsm: { ...damsm, imageSize: encoderSize(config) } }),
    ...(processes && { share: processes.shareOf(training.batch) }),
    ...(buckets && {
      reduce: (phase: string, own: readonly (Tensor | null)[]) => buckets.reduce(phase, own),
    }),
  });
}

/** Pixels per side of the image that DAMSM's encoder sees. */
function encoderSize({ damsm }: Config): number {
  return damsm.encoder === "inception" ? inceptionSize : damsm.imageSize;
}

/** BN's means and variances in training are those of all processes' batches together. */
function synchronizeBatchNorm(network: nn.Module, group: ProcessGroup): void {
  for (const module of network.modules()) if (module instanceof nn.BatchNorm) module.group = group;
}

/** @throws TypeError if the discriminator is on features and there is no `encoder` */
function makeDiscriminator(
  { discriminator: { features, ...options }, text, damsm }: Config,
  imageSize: number,
  encoder: ImageEncoder | undefined,
): DiscriminatorNetwork {
  const own = { ...options, textWidth: text.width };
  if (features === "none") return new Discriminator({ ...own, imageSize });
  if (!encoder)
    throw new TypeError("makeGanTrainer: discriminator.features=damsm needs DAMSM's image encoder");
  const resize = (image: Tensor) => (damsm.encoder === "convolutional" ? fit(image, damsm.imageSize) : image);
  return new FeatureDiscriminator({
    ...{ ...own, mapShapes: encoder.mapShapes },
    maps: (image) => encoder.maps(resize(image)),
  });
}
