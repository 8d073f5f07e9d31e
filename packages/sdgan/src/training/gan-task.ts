/** Training of the GAN on a prepared folder, with a frozen DAMSM. */

import { type Config, imageSizes, learningRateFactor, Random, stagesAfter } from "@sdgan/core";
import { noGrad, scope, type Tensor, tensor, withAllCores } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { type Damsm, moveDamsm } from "../artifacts/damsm.js";
import { makeGenerator, publishModel } from "../artifacts/model.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { pixelsOf } from "../compute/images.js";
import { randomState, restoreRandomState } from "../compute/random-streams.js";
import { type BatchPlan, type Choice, planBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { PairLoader, type PairPlan } from "../data/pairs.js";
import { Prefetcher } from "../data/prefetcher.js";
import { type Prepared, sampleSplit } from "../data/prepared.js";
import { classIdsOf, tensorOf, tokensOf } from "../data/tensors.js";
import { grid } from "../images/grid.js";
import { Discriminator } from "../models/discriminator.js";
import { seededNoise } from "../models/seeded-noise.js";
import type { TextFeatures } from "../models/text-features.js";
import type { ActiveRun } from "../run/run-folder.js";
import { partsOf } from "../util/lists.js";
import type { AugmentationState } from "./augmentation.js";
import { damsmLosses } from "./damsm-task.js";
import type { Evaluator } from "./evaluator.js";
import { type GanBatch, GanTrainer, type GanTrainerOptions } from "./gan-trainer.js";
import type { EvaluationSchedule, TrainingTask } from "./loop.js";
import type { StepMetrics } from "./step-metrics.js";

export class GanTask implements TrainingTask, AsyncDisposable {
  readonly #config: Config;
  readonly #data: Prepared;
  readonly #damsm: Damsm;
  readonly #compute: Compute;
  readonly #prefetcher: Prefetcher<GanPlan>;
  readonly #trainer: GanTrainer;
  readonly #samples: { split: Split; choices: Choice[]; z: Tensor; epsilon: Tensor };
  readonly evaluation: EvaluationSchedule | undefined;

  /** @param evaluator evaluates the averaged generator during training */
  constructor(config: Config, data: Prepared, damsm: Damsm, compute: Compute, evaluator?: Evaluator) {
    const { seed, training, siamese } = config;
    this.#config = config;
    this.#data = data;
    this.#damsm = moveDamsm(damsm, compute.device);
    this.#compute = compute;
    const loader = { data, split: "train" as const, batch: training.batch, seed, ...config.data };
    const planner = siamese.enabled
      ? new PairLoader({ ...loader, shareSame: siamese.shareSame, acrossLanguages: siamese.acrossLanguages })
      : new Loader(loader);
    const sizes = imageSizes(config.generator);
    this.#prefetcher = withAllCores(
      () => new Prefetcher<GanPlan>({ planner, data, split: "train", sizes, workers: config.data.workers }),
    );
    const losses = (image: Tensor, batch: GanBatch) => this.#damsmLosses(image, batch);
    this.#trainer = makeGanTrainer(config, {
      device: compute.device,
      ...(training.damsmWeight > 0 && { damsm: { weight: training.damsmWeight, losses } }),
    });
    this.#samples = this.#chooseSamples();
    const networks = { generator: this.#trainer.options.average, text: damsm.text, compute };
    this.evaluation = evaluator && {
      ...evaluator,
      patience: training.patience,
      measure: () => evaluator.measure(networks),
    };
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<StepMetrics> {
    const { branches, same, images } = await this.#prefetcher.next();
    const { device } = this.#compute;
    return scope(() => {
      const batch: GanBatch = {
        real: images.map((one) => tensorOf(one, this.#compute)),
        text: this.#encode(branches),
        classIds: classIdsOf(branches, device),
        ...(same && { same: tensor(same, { device }) }),
      };
      return this.#trainer.step(batch);
    });
  }

  #damsmLosses(image: Tensor, batch: GanBatch): { words: Tensor; sentence: Tensor } {
    return damsmLosses(this.#damsm, image, batch.text, batch.classIds!, this.#config.damsm);
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
  #encode(batches: BatchPlan[]): TextFeatures {
    const { tokens, lengths } = tokensOf(batches, this.#compute.device);
    return noGrad(() => this.#damsm.text.forward(tokens, lengths));
  }

  async sample(): Promise<Buffer> {
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
    return grid(partsOf(images, 8), { title: `step ${this.steps}` });
  }

  state(): TrainingState {
    const augmentation = this.#trainer.augmentation.state();
    return {
      tensors: stateOf(this.#trainer, this.#compute.device),
      values: {
        steps: this.steps,
        discriminatorSteps: this.#trainer.discriminatorOptimizers.map(({ steps }) => steps),
        loader: this.#prefetcher.state(),
        ...(augmentation && { augmentation }),
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
    const { augmentation } = values as { augmentation?: AugmentationState[] };
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
    const { average } = this.#trainer.options;
    publishModel(run.path, average, this.#damsm.text, this.steps, run.dependsOn);
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

/** A trainer for a configuration, with new networks on a device. */
export function makeGanTrainer(
  config: Config,
  { device = "cpu", damsm }: Pick<GanTrainerOptions, "damsm"> & { device?: Device } = {},
): GanTrainer {
  const { training, contrastive, discriminator, text, penalty } = config;
  const [generator, average] = [makeGenerator(config), makeGenerator(config)];
  const discriminators = imageSizes(config.generator).map(
    (imageSize) => new Discriminator({ ...discriminator, imageSize, textWidth: text.width }),
  );
  for (const network of [generator, average, ...discriminators])
    network.to({ device, memoryFormat: "channels_last" });
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
    ...(training.grow.length > 0 && { stagesAfter: (steps: number) => stagesAfter(config, steps) }),
    ...(damsm && { damsm }),
  });
}

const sampleCount = 32;

/** The plan of a batch: one branch, or two with the pairs' labels. */
type GanPlan = { branches: BatchPlan[]; same?: PairPlan["same"] };
