/** Training of the GAN on a prepared folder, with a frozen DAMSM. */

import {
  type Config,
  imageSizes,
  learningRateFactor,
  Random,
  stagesAfter,
  stepsSinceGrowth,
  UserError,
} from "@sdgan/core";
import { call, manualSeed, nn, noGrad, scope, type Tensor, tensor, withAllCores } from "@sdgan/torch";
import type { ProcessGroup } from "@sdgan/torch/distributed";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { type Damsm, moveDamsm } from "../artifacts/damsm.js";
import { makeGenerator, publishModel } from "../artifacts/model.js";
import type { GanWeights } from "../artifacts/start.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { fit, pixelsOf } from "../compute/images.js";
import { holdRandomStreams, randomState, restoreRandomState } from "../compute/random-streams.js";
import { type BatchPlan, type Choice, planBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { PairLoader } from "../data/pairs.js";
import { type Planner, Prefetcher } from "../data/prefetcher.js";
import { type Prepared, sampleSplit } from "../data/prepared.js";
import { type BranchesPlan, type ShardPlan, shardsOf } from "../data/shards.js";
import { classIdsOf, tensorOf, tokensOf } from "../data/tensors.js";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import type { Processes } from "../distributed/processes.js";
import { grid } from "../images/grid.js";
import { Discriminator, type DiscriminatorNetwork } from "../models/discriminator.js";
import { FeatureDiscriminator } from "../models/feature-discriminator.js";
import type { ImageEncoder } from "../models/image-encoder.js";
import { seededNoise } from "../models/seeded-noise.js";
import { wordMask } from "../models/text-encoder.js";
import type { TextFeatures } from "../models/text-features.js";
import type { ActiveRun } from "../run/run-folder.js";
import { partsOf } from "../util/lists.js";
import type { AugmentationState } from "./augmentation.js";
import { forwardRandomly, recomputeStatistics, statisticsBatches } from "./average-statistics.js";
import { damsmLosses } from "./damsm-task.js";
import type { Evaluator } from "./evaluator.js";
import { loadStart, type Origin, originOf } from "./gan-start.js";
import { type GanBatch, GanTrainer, type GanTrainerOptions } from "./gan-trainer.js";
import type { EvaluationSchedule, TrainingTask } from "./loop.js";
import { fewestOfVal, measureOverfitting } from "./overfitting.js";
import type { StepMetrics } from "./step-metrics.js";

export class GanTask implements TrainingTask, AsyncDisposable {
  readonly #config: Config;
  readonly #data: Prepared;
  readonly #damsm: Damsm;
  readonly #compute: Compute;
  readonly #prefetcher: Prefetcher<ShardPlan>;
  readonly #share: BatchShare;
  readonly #trainer: GanTrainer;
  readonly #samples: { split: Split; choices: Choice[]; z: Tensor; epsilon: Tensor };
  readonly evaluation: EvaluationSchedule | undefined;
  readonly overfitting: TrainingTask["overfitting"];
  /** Where the weights that training began with are from. */
  #startOrigin: Origin;
  /** The step whose weights the averaged generator's statistics were recomputed for. */
  #statisticsAt: number | undefined;

  /**
   * @param evaluator evaluates the averaged generator during training
   * @param start weights to begin with instead of random ones
   * @param processes that train together; by default this one alone
   */
  constructor(
    config: Config,
    data: Prepared,
    damsm: Damsm,
    compute: Compute,
    { evaluator, start, processes }: GanTaskOptions = {},
  ) {
    const { seed, training, siamese } = config;
    this.#config = config;
    this.#data = data;
    this.#damsm = moveDamsm(damsm, compute.device);
    this.#compute = compute;
    const losses = (image: Tensor, batch: GanBatch) => this.#damsmLosses(image, batch);
    if (processes) requireDivisible(training.batch, processes.worldSize);
    this.#share = processes?.shareOf(training.batch) ?? wholeBatch;
    this.#trainer = makeGanTrainer(config, {
      device: compute.device,
      encoder: this.#damsm.image,
      processes,
      ...(training.damsmWeight > 0 && { damsm: { weight: training.damsmWeight, losses } }),
    });
    if (start) loadStart(this.#trainer, start);
    this.#startOrigin = start?.origin ?? {};
    const loader = { data, split: "train" as const, batch: training.batch, seed, ...config.data };
    const whole: Planner<BranchesPlan> = siamese.enabled
      ? new PairLoader({ ...loader, shareSame: siamese.shareSame, acrossLanguages: siamese.acrossLanguages })
      : new Loader(loader);
    const planner = shardsOf(whole, { rank: this.#share.rank, parts: this.#share.processes });
    const sizes = imageSizes(config.generator);
    this.#prefetcher = withAllCores(
      () => new Prefetcher<ShardPlan>({ planner, data, split: "train", sizes, workers: config.data.workers }),
    );
    this.#samples = this.#chooseSamples();
    const networks = { generator: this.#trainer.options.average, text: damsm.text, compute };
    this.evaluation = evaluator && {
      ...evaluator,
      patience: training.patience,
      measure: () => {
        this.#recomputeStatistics();
        return evaluator.measure(networks);
      },
    };
    const every = config.log.discriminatorOnVal;
    if (every > 0 && data.splits.val.images.length >= fewestOfVal) {
      const trainer = this.#trainer;
      const encode = (batches: BatchPlan[]) => this.#encode(batches);
      const measure = () => measureOverfitting({ config, data, compute, trainer, encode });
      this.overfitting = { every, measure };
    }
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<StepMetrics> {
    const { whole, images, ...own } = await this.#prefetcher.next();
    return scope(() => {
      const text = this.#encode(own.branches);
      const batch: GanBatch = {
        real: images.map((one) => tensorOf(one, this.#compute)),
        text,
        ...this.#pairsAndClasses(own),
        ...(this.#share.processes > 1 && {
          whole: { text: this.#gathered(text, whole), ...this.#pairsAndClasses(whole) },
        }),
      };
      return this.#trainer.step(batch);
    });
  }

  #pairsAndClasses({ branches, same }: BranchesPlan): Pick<GanBatch, "same" | "classIds"> {
    const { device } = this.#compute;
    return { classIds: classIdsOf(branches, device), ...(same && { same: tensor(same, { device }) }) };
  }

  /** The text features of all processes' captions. */
  #gathered({ words, sentence }: TextFeatures, { branches }: BranchesPlan): TextFeatures {
    const lengths = branches.flatMap((branch) => [...branch.lengths]);
    const T = Math.max(...lengths);
    return noGrad(() => ({
      words: this.#share.gather(call<Tensor>("constant_pad_nd", words, [0, T - words.size(2)])),
      sentence: this.#share.gather(sentence),
      mask: wordMask(lengths, T, this.#compute.device),
    }));
  }

  #damsmLosses(image: Tensor, batch: GanBatch): { words: Tensor; sentence: Tensor } {
    const { text, classIds } = batch.whole ?? batch;
    return damsmLosses(this.#damsm, image, text, classIds!, this.#config.damsm, this.#share.gather);
  }

  /** The captions and the noise of all samples. The captions are of images that are not trained on, if there are any. */
  #chooseSamples(): { split: Split; choices: Choice[]; z: Tensor; epsilon: Tensor } {
    const split = sampleSplit(this.#data);
    const { images } = this.#data.splits[split];
    const random = new Random(this.#config.seed, "samples");
    const places = random.shuffled([...new Array(images.length).keys()]).slice(0, sampleCount);
    const { seed } = this.#config;
    const noise = seededNoise(
      this.#trainer.options.average,
      places.map((_, i) => ({ seed, number: i + 1 })),
    );
    return {
      split,
      choices: places.map((image) => ({
        image,
        caption: random.below(images.at(image).captions.length),
      })),
      z: noise.z.to(this.#compute),
      epsilon: noise.epsilon.to({ device: this.#compute.device }),
    };
  }

  /** Without gradients: the text encoder is frozen. */
  #encode(batches: readonly BatchPlan[]): TextFeatures {
    const { tokens, lengths } = tokensOf(batches, this.#compute.device);
    return noGrad(() => this.#damsm.text.forward(tokens, lengths));
  }

  /** With `training.averageStatistics`, before every use of the averaged generator: `updateAverage` does not prepare them. */
  #recomputeStatistics(): void {
    const { averageStatistics: batches } = this.#config.training;
    if (batches === 0 || this.#statisticsAt === this.steps) return;
    const { average } = this.#trainer.options;
    const plans = statisticsBatches(this.#config, this.#data);
    using _ = holdRandomStreams(this.#compute.device);
    manualSeed(this.#config.seed);
    recomputeStatistics(average, plans.length, (batch) =>
      forwardRandomly(average, this.#encode([plans[batch]!]), this.#compute),
    );
    this.#statisticsAt = this.steps;
  }

  async sample(onMissingFont?: (advice: string) => void): Promise<Buffer> {
    this.#recomputeStatistics();
    const { split, choices, z, epsilon } = this.#samples;
    const { average } = this.#trainer.options;
    const batch = planBatch(choices, { data: this.#data, split, maxWords: this.#config.data.maxWords });
    const { pixels, size } = scope(() =>
      noGrad(() => {
        const image = average.forward(z, this.#encode([batch]), epsilon).images.at(-1)!;
        return { pixels: pixelsOf(image), size: image.size(3) };
      }),
    );
    const images = choices.map(({ image, caption }, b) => ({
      pixels: pixels.subarray(b * size * size * 3, (b + 1) * size * size * 3),
      size,
      caption: this.#data.splits[split].images.at(image).captions[caption]!.text,
    }));
    return grid(partsOf(images, 8), { title: `step ${this.steps}`, onMissingFont });
  }

  state(): TrainingState {
    this.#recomputeStatistics();
    const augmentation = this.#trainer.augmentation.state();
    return {
      tensors: stateOf(this.#trainer, this.#compute.device),
      values: {
        steps: this.steps,
        discriminatorSteps: this.#trainer.discriminatorOptimizers.map(({ steps }) => steps),
        loader: this.#prefetcher.state(),
        ...(augmentation && { augmentation }),
        ...(this.#startOrigin.dataSource !== undefined && { startOrigin: this.#startOrigin }),
      },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    const { options, generatorOptimizer, discriminatorOptimizers } = this.#trainer;
    const steps = values.steps as number;
    // Imported weights, and checkpoints from before stages could grow, have no numbers of their own.
    const { discriminatorSteps = options.discriminators.map(() => steps) } = values as {
      discriminatorSteps?: number[];
    };
    options.generator.loadStateDict(stateUnder(tensors, "generator"));
    options.average.loadStateDict(stateUnder(tensors, "average"));
    generatorOptimizer.loadStateDict(stateUnder(tensors, "generatorAdam"), steps);
    for (const [i, discriminator] of options.discriminators.entries()) {
      discriminator.loadStateDict(stateUnder(tensors, `discriminator${i}`));
      discriminatorOptimizers[i]!.loadStateDict(
        stateUnder(tensors, `discriminatorAdam${i}`),
        discriminatorSteps[i]!,
      );
    }
    this.#trainer.grow();
    this.#statisticsAt = undefined;
    const { augmentation, startOrigin = {} } = values as {
      augmentation?: AugmentationState[];
      startOrigin?: Origin;
    };
    this.#startOrigin = startOrigin;
    this.#trainer.augmentation.restore(augmentation, this.#compute.device);
    // Imported weights have no loader state: no batch has been read yet.
    if (values.loader !== undefined) this.#prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefetcher[Symbol.asyncDispose]();
  }

  /** Writes the model for generation: the averaged generator and the text encoder. */
  publish(run: ActiveRun): void {
    this.#recomputeStatistics();
    const { average } = this.#trainer.options;
    const networks = { generator: average, text: this.#damsm.text };
    const { steps } = this;
    const about = originOf(this.#data, this.#startOrigin);
    publishModel(run.path, networks, { step: steps, dependsOn: run.dependsOn, about });
  }
}

/** The state of networks, optimizers and the device's random number generator, for a checkpoint. */
export function stateOf(
  { options, generatorOptimizer, discriminatorOptimizers }: GanTrainer,
  device: Device,
): Map<string, Tensor> {
  const states: Record<string, ReadonlyMap<string, Tensor>> = {
    generator: options.generator.stateDict(),
    average: options.average.stateDict(),
    generatorAdam: generatorOptimizer.stateDict(),
    random: randomState(device),
  };
  for (const [i, discriminator] of options.discriminators.entries()) {
    states[`discriminator${i}`] = discriminator.stateDict();
    states[`discriminatorAdam${i}`] = discriminatorOptimizers[i]!.stateDict();
  }
  return joinStates(states);
}

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
    ...(damsm && { damsm }),
    ...(processes && { share: processes.shareOf(training.batch) }),
    ...(buckets && {
      reduce: (phase: string, own: readonly (Tensor | null)[]) => buckets.reduce(phase, own),
    }),
  });
}

/** BN's means and variances in training are those of all processes' batches together. */
function synchronizeBatchNorm(network: nn.Module, group: ProcessGroup): void {
  for (const module of network.modules()) if (module instanceof nn.BatchNorm) module.group = group;
}

/** @throws UserError if the pairs or images of a step are not a multiple of the processes */
function requireDivisible(batch: number, processes: number): void {
  const each = Math.max(2, Math.round(batch / processes)); // BN needs two.
  if (batch % processes === 0 && batch / processes >= 2) return;
  throw new UserError(
    `training.batch is ${batch}, which cannot be shared among ${processes} processes: it is the number of all processes ` +
      `together, and each needs the same number, at least 2. Use --set training.batch=${each * processes}`,
    { code: "config.invalid" },
  );
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

const sampleCount = 32;

interface GanTaskOptions {
  evaluator?: Evaluator | undefined;
  start?: GanWeights | undefined;
  processes?: Processes | undefined;
}
