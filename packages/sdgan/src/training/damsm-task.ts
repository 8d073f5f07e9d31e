/** Training of DAMSM: text encoder and image encoder learn which caption belongs to which image. */

import { type Config, damsmImageSize, UserError } from "@sdgan/core";
import { grad, type nn, optim, scope, type Tensor, withAllCores } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { type Damsm, moveDamsm, publishDamsm } from "../artifacts/damsm.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { fit } from "../compute/images.js";
import { randomState, restoreRandomState } from "../compute/random-streams.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { Prefetcher } from "../data/prefetcher.js";
import type { Prepared } from "../data/prepared.js";
import { classIdsOf, tensorOf, tokensOf } from "../data/tensors.js";
import { type Gamma, sentenceLoss, wordsLoss } from "../losses/damsm.js";
import { type LossTerm, valuesOf, weightedSum } from "../losses/terms.js";
import type { TextFeatures } from "../models/text-features.js";
import { bestIn } from "../run/best-figure.js";
import type { ActiveRun } from "../run/run-folder.js";
import type { DamsmEvaluator } from "./evaluator.js";
import type { StepMetrics } from "./step-metrics.js";
import type { EvaluationSchedule, TrainingTask } from "./training-task.js";

/**
 * The losses by words and by sentence, each the sum of both directions: image to caption and caption to image.
 *
 * @param gather if `images` are one process's, and the captions those of all: rows of all processes from this process's
 */
export function damsmLosses(
  damsm: Damsm,
  images: Tensor,
  { words, sentence, mask }: TextFeatures,
  classIds: Tensor,
  config: Config["damsm"],
  gather?: (rows: Tensor) => Tensor,
): { words: Tensor; sentence: Tensor } {
  const gamma = config.gamma as Gamma;
  // Images of a generator that is still growing are smaller, and are enlarged.
  const resized = config.encoder === "convolutional" ? fit(images, config.imageSize) : images;
  const { regions, code } = damsm.image.forward(resized);
  const byWords = wordsLoss(regions, words, mask, gamma, classIds, gather);
  const bySentence = sentenceLoss(code, sentence, gamma, classIds, gather);
  return {
    words: byWords.imageToText.add(byWords.textToImage),
    sentence: bySentence.imageToText.add(bySentence.textToImage),
  };
}

export class DamsmTask implements TrainingTask, AsyncDisposable {
  readonly #damsm: Damsm;
  readonly #config: Config;
  readonly #prefetcher: Prefetcher<ReturnType<Loader["plan"]>>;
  readonly #optimizer: optim.Adam;
  readonly #textParameters: number;
  readonly #compute: Compute;
  readonly evaluation: EvaluationSchedule | undefined;

  /**
   * @param networks new networks, from `makeDamsm`
   * @param evaluator measures them during training; the best ones are published
   */
  constructor(config: Config, data: Prepared, networks: Damsm, compute: Compute, evaluator?: DamsmEvaluator) {
    requireClasses(data);
    const { damsm, seed } = config;
    this.#config = config;
    this.#compute = compute;
    this.#damsm = moveDamsm(networks, compute.device);
    const planner = new Loader({ data, split: "train", batch: damsm.batch, seed, ...config.data });
    const sizes = [damsmImageSize(config)];
    const { workers } = config.data;
    this.#prefetcher = withAllCores(() => new Prefetcher({ planner, data, split: "train", sizes, workers }));
    const { text, image } = this.#damsm;
    this.#textParameters = text.parameters().length;
    const trained = [...image.namedParameters("image.")].filter(([, { requiresGrad }]) => requiresGrad);
    this.#optimizer = new optim.Adam([...text.namedParameters("text."), ...trained], damsm);
    this.evaluation = evaluator && {
      ...{ ...evaluator, better: "higher" },
      measure: () => this.#measure(evaluator),
    };
  }

  get steps(): number {
    return this.#optimizer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<StepMetrics> {
    const { damsm } = this.#config;
    // As in the published code, the rate does not decay below a tenth.
    this.#optimizer.learningRate = damsm.learningRate * Math.max(0.1, damsm.decay ** this.#prefetcher.epoch);
    const { branches, images } = await this.#prefetcher.next();
    return scope(() => {
      const { device } = this.#compute;
      const { tokens, lengths } = tokensOf(branches, device);
      const text = this.#damsm.text.forward(tokens, lengths);
      const real = tensorOf(images[0]!, this.#compute);
      const losses = damsmLosses(this.#damsm, real, text, classIdsOf(branches, device), damsm);
      const terms: LossTerm[] = [
        { name: "words", value: losses.words, weight: 1 },
        { name: "sentence", value: losses.sentence, weight: 1 },
      ];
      const gradients = grad([weightedSum(terms)], [...this.#optimizer.parameters.values()]);
      optim.clipGradNorm(gradients.slice(0, this.#textParameters), damsm.clip);
      this.#optimizer.step(gradients);
      return { losses: valuesOf(terms), statistics: {} };
    });
  }

  state(): TrainingState {
    return {
      tensors: joinStates({
        text: this.#damsm.text.stateDict(),
        image: this.#damsm.image.stateDict(),
        adam: this.#optimizer.stateDict(),
        random: randomState(this.#compute.device),
      }),
      values: { steps: this.steps, loader: this.#prefetcher.state() },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    this.#damsm.text.loadStateDict(stateUnder(tensors, "text"));
    this.#damsm.image.loadStateDict(stateUnder(tensors, "image"));
    this.#optimizer.loadStateDict(stateUnder(tensors, "adam"), values.steps as number);
    this.#prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefetcher[Symbol.asyncDispose]();
  }

  #measure({ measure }: DamsmEvaluator): Record<string, number> {
    const networks = Object.values(this.#damsm) as nn.Module[];
    for (const network of networks) network.eval();
    try {
      return measure(this.#damsm);
    } finally {
      for (const network of networks) network.train();
    }
  }

  /** Does nothing if an earlier DAMSM, which was published then, is the best. */
  publish(run: ActiveRun): void {
    const best = this.evaluation && bestIn(run.metrics, this.evaluation.best, "higher");
    if (best !== undefined && best.step !== this.steps) return;
    publishDamsm(run.path, this.#damsm, run.dependsOn);
  }
}

/** DAMSM's losses ignore other captions of an image's class, so with a single class there is nothing to learn. */
function requireClasses({ dir, splits }: Prepared): void {
  const classIds = new Set<number>();
  for (const { classId } of splits.train.images) {
    classIds.add(classId);
    if (classIds.size > 1) return;
  }
  if (classIds.size === 0) return; // The loader reports this.
  throw new UserError(
    `${dir}: all training images are of one class, and DAMSM does not compare captions within a class, so it would ` +
      "learn nothing: prepare the data with several classes, or without classes, so that each image is its own class",
    { code: "data.invalid" },
  );
}
