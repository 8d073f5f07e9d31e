/** What follows from a configuration: sizes of images, stages and learning rates by step. */
import type { Config } from "./schema.js";

/** Pixels per side of each stage's image, first to last. */
export function imageSizes({
  firstSize,
  stages,
}: Pick<Config["generator"], "firstSize" | "stages">): number[] {
  return Array.from({ length: stages }, (_, stage) => firstSize * 2 ** stage);
}

/** The number of stages that train in the step after `steps` steps (`training.grow`). */
export function stagesAfter(
  { generator, training: { grow } }: Pick<Config, "generator" | "training">,
  steps: number,
): number {
  return grow.length === 0 ? generator.stages : 1 + grow.filter((from) => from <= steps).length;
}

/** The number of the last `steps` steps that the stage which joined last has trained for (`training.grow`). */
export function stepsSinceGrowth({ training: { grow } }: Pick<Config, "training">, steps: number): number {
  return steps - Math.max(0, ...grow.filter((from) => from < steps));
}

/**
 * The factor of the learning rates in the step after `steps` steps (`training.decay`): 1 at first, 0 after the last step.
 * `cosine` is (1 + cos(π · steps / training.steps)) / 2 (Loshchilov and Hutter, "SGDR", 2017, arXiv 1608.03983).
 */
export function learningRateFactor(
  { training: { decay, steps: all } }: Pick<Config, "training">,
  steps: number,
): number {
  const done = Math.min(1, steps / all);
  if (decay === "linear") return 1 - done;
  return decay === "cosine" ? (1 + Math.cos(Math.PI * done)) / 2 : 1;
}

/** Pixels per side of the images that DAMSM is trained on. */
export function damsmImageSize({ damsm, generator }: Pick<Config, "damsm" | "generator">): number {
  return damsm.encoder === "inception" ? imageSizes(generator).at(-1)! : damsm.imageSize;
}
