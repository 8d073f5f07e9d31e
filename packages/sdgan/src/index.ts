/** SD-GAN as a library: from data to a trained model, and from captions to images. */
import "./tuned.js"; // Before what loads libtorch.

import { makeDamsmEvaluator, makeEvaluator } from "./evaluation/during-training.js";
import {
  type Training,
  type TrainingResult,
  type TrainOptions,
  train as trainNetwork,
} from "./training/train.js";

// Training: a configuration and a prepared folder become a run folder.
export {
  type Config,
  type EncodedCaption,
  encodeCaption,
  figureKinds,
  metricNames,
  presetNames,
  type ScbnKind,
  UserError,
  Vocabulary,
} from "@sdgan/core";
export { loadConfig } from "./config/load.js";
// Data: a source of images with captions becomes a prepared folder.
export { type BirdsOptions, birds } from "./data/birds/index.js";
export { type CocoOptions, coco } from "./data/coco.js";
export { type CubOptions, cub } from "./data/cub.js";
export type { Caption, Example, Licence, Source, Split } from "./data/dataset.js";
export { type EmojiOptions, emoji } from "./data/emoji/index.js";
export { type InstallEmojiOptions, installEmoji } from "./data/emoji/install.js";
export type { EmojiSet } from "./data/emoji/sets.js";
export { type FlowersOptions, flowers } from "./data/flowers.js";
export { folder } from "./data/folder/index.js";
export { type PrepareOptions, type PrepareSummary, prepare } from "./data/prepare.js";
export { openPrepared, type Prepared } from "./data/prepared.js";
// Evaluation: a run folder and a prepared folder become metrics.
export { type EvaluateOptions, evaluate } from "./evaluation/evaluate.js";
export type { Evaluation, Figure } from "./evaluation/result.js";
// Export: a run folder becomes an ONNX model.
export { type ExportedModel, type ExportOnnxOptions, exportOnnxModel } from "./exchange/export-onnx.js";
// Generation: a run folder and captions become images.
export { ImageGenerator } from "./generation/image-generator.js";
export type { GeneratedImage, GenerateOptions, ImageSource, StageImage } from "./generation/image-source.js";
export { type SaveOptions, saveImages } from "./generation/save.js";
export { type ContrastiveOptions, contrastiveLoss } from "./losses/contrastive.js";
// The method's parts, for other models.
export { Discriminator, type DiscriminatorOptions } from "./models/discriminator.js";
export { type Generated, Generator, type GeneratorOptions } from "./models/generator.js";
export { type ScbnOptions, SemanticConditionedBatchNorm } from "./models/scbn.js";
export { TextEncoder, type TextEncoderOptions } from "./models/text-encoder.js";
export type { TextFeatures } from "./models/text-features.js";
export { type Metrics, readMetrics } from "./run/metrics.js";
export { openRun, type RunFolder } from "./run/run-folder.js";
export type { Training, TrainingResult, TrainOptions } from "./training/train.js";

/** Trains a network. DAMSM and the GAN are evaluated during training as their configuration requests. */
export function train(training: Training, options: TrainOptions): Promise<TrainingResult> {
  return trainNetwork(training, { makeEvaluator, makeDamsmEvaluator, ...options });
}
