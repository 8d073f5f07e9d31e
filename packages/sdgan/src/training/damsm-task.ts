/** Training of DAMSM: text encoder and image encoder learn which caption belongs to which image. */

import { type Config, damsmImageSize, UserError } from "@sdgan/core";
import { grad, type nn, optim, scope, type Tensor } from "@sdgan/torch";
import { type Damsm, moveDamsm, publishDamsm } from "../artifacts/damsm.js";
import type { Compute } from "../compute/compute.js";
import { fit } from "../compute/images.js";
import type { Prepared } from "../data/prepared.js";
import { classIdsOf, tensorOf, tokensOf } from "../data/tensors.js";
import { type Gamma, sentenceLoss, wordsLoss } from "../losses/damsm.js";
import { type LossTerm, valuesOf, weightedSum } from "../losses/terms.js";
import type { TextFeatures } from "../models/text-features.js";
import { bestIn } from "../run/best-figure.js";
import type { ActiveRun } from "../run/run-folder.js";
import type { DamsmEvaluator } from "./evaluator.js";
import { SingleOptimizerTask } from "./single-optimizer-task.js";
import type { StepMetrics } from "./step-metrics.js";
import type { EvaluationSchedule } from "./training-task.js";

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

export class DamsmTask extends SingleOptimizerTask {
  readonly #damsm: Damsm;
  readonly #config: Config["damsm"];
  readonly #textParameters: number;
  readonly evaluation: EvaluationSchedule | undefined;

  /**
   * @param networks new networks, from `makeDamsm`
   * @param evaluator measures them during training; the best ones are published
   */
  constructor(config: Config, data: Prepared, networks: Damsm, compute: Compute, evaluator?: DamsmEvaluator) {
    requireClasses(data);
    const { damsm } = config;
    const { text, image } = moveDamsm(networks, compute.device);
    const trained = [...image.namedParameters("image.")].filter(([, { requiresGrad }]) => requiresGrad);
    super({
      networks: { text, image },
      optimizer: new optim.Adam([...text.namedParameters("text."), ...trained], damsm),
      ...{ config, data, batch: damsm.batch, size: damsmImageSize(config), compute },
    });
    this.#config = damsm;
    this.#damsm = networks;
    this.#textParameters = text.parameters().length;
    this.evaluation = evaluator && {
      ...{ ...evaluator, better: "higher" },
      measure: () => this.#measure(evaluator),
    };
  }

  async step(): Promise<StepMetrics> {
    const { learningRate, decay, clip } = this.#config;
    // As in the published code, the rate does not decay below a tenth.
    this.optimizer.learningRate = learningRate * Math.max(0.1, decay ** this.prefetcher.epoch);
    const { branches, images } = await this.prefetcher.next();
    return scope(() => {
      const { device } = this;
      const { tokens, lengths } = tokensOf(branches, device);
      const text = this.#damsm.text.forward(tokens, lengths);
      const real = tensorOf(images[0]!, this.compute);
      const losses = damsmLosses(this.#damsm, real, text, classIdsOf(branches, device), this.#config);
      const terms: LossTerm[] = [
        { name: "words", value: losses.words, weight: 1 },
        { name: "sentence", value: losses.sentence, weight: 1 },
      ];
      const gradients = grad([weightedSum(terms)], [...this.optimizer.parameters.values()]);
      optim.clipGradNorm(gradients.slice(0, this.#textParameters), clip);
      this.optimizer.step(gradients);
      return { losses: valuesOf(terms), statistics: {} };
    });
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
