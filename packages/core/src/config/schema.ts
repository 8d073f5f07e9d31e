import { z } from "zod";
import { betas, count, rate, section, weight } from "./fields.js";
import { discriminator, generator, text } from "./networks.js";
import { contrastive, siamese } from "./pairs.js";
import { augment, penalty } from "./regularization.js";

export { type ScbnKind, type SentenceFeature, scbnKinds, sentenceFeatures } from "./networks.js";
export { type AugmentPolicy, augmentPolicies, penaltyKinds } from "./regularization.js";

const data = section("How examples are made from a prepared folder.", {
  crop: z
    .boolean()
    .default(true)
    .describe("Crop the training image at a random position of a slightly larger image."),
  flip: z.boolean().default(true).describe("Mirror each training image with probability 1/2."),
  maxWords: count.default(18).describe("Largest number of words of a caption."),
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(1)
    .describe("Threads that prepare images while training runs. Results do not depend on their number."),
});

const damsm = section("DAMSM: text encoder and image encoder, trained first, then frozen.", {
  encoder: z
    .enum(["convolutional", "inception"])
    .default("convolutional")
    .describe("The image encoder: a small trained network, or a frozen Inception-v3 for photographs."),
  inceptionSha256: z
    .string()
    .regex(/^([0-9a-f]{64})?$/, { error: "64 hexadecimal digits, or an empty string" })
    .default("")
    .describe("SHA-256 of Inception's weights, the file of --inception. A run writes it here."),
  width: count.default(32).describe("Channels of the convolutional image encoder's first layer."),
  imageSize: count
    .min(16)
    .multipleOf(16)
    .default(64)
    .describe(
      "Pixels per side of the convolutional image encoder's input; Inception takes the last stage's images.",
    ),
  batch: count.min(2).default(48).describe("Images per step."),
  steps: count.default(36_900).describe("Steps to train."),
  learningRate: rate.default(2e-3).describe("Adam's learning rate in the first epoch."),
  betas: betas.default([0.5, 0.999]).describe("Adam's β1 and β2."),
  decay: z
    .number()
    .positive()
    .max(1)
    .default(0.98)
    .describe("The learning rate's factor after each epoch, down to a tenth of it."),
  evaluateEvery: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Steps between two measurements of R@1 on the split `val`; the DAMSM with the best one is kept. 0: the last one is kept.",
    ),
  clip: rate.default(0.25).describe("Largest norm of the LSTM's gradients; longer ones are clipped."),
  gamma: z
    .tuple([rate, rate, rate])
    .default([4, 5, 10])
    .describe("γ1 sharpens attention over regions, γ2 weighs the words, γ3 scales the scores."),
});

const attributeClassifier = section(
  "The attribute classifier: a network that recognizes the attributes that an image shows.",
  {
    width: count.default(32).describe("Channels of its first layer."),
    batch: count.min(2).default(64).describe("Images per step."),
    steps: count.default(1200).describe("Steps to train."),
    learningRate: rate.default(1e-3).describe("Adam's learning rate at the start; it decreases to zero."),
  },
);

/** How learning rates decrease. */
export const learningRateDecays = ["none", "linear", "cosine"] as const;
export type LearningRateDecay = (typeof learningRateDecays)[number];

const training = section("Training of generator and discriminators.", {
  batch: count.min(2).default(20).describe("Images per step in each branch, of all processes together."),
  steps: count.default(265_650).describe("Steps to train."),
  learningRate: section("Adam's learning rates.", {
    generator: rate.default(2e-4).describe("The generator's."),
    discriminator: rate.default(2e-4).describe("The discriminators'."),
  }),
  betas: betas.default([0.5, 0.999]).describe("Adam's β1 and β2."),
  syncBatchNorm: z
    .boolean()
    .default(false)
    .describe(
      "With several processes: BN's means and variances are those of all processes' images together; by default each " +
        "process has its own.",
    ),
  decay: z
    .enum(learningRateDecays)
    .default("none")
    .describe(
      "The learning rates decrease to zero over training.steps: `linear`, or `cosine`, along half a cosine.",
    ),
  loss: z
    .enum(["bce", "hinge"])
    .default("bce")
    .describe("The adversarial loss: binary cross entropy, as AttnGAN's, or `hinge`, as DF-GAN's."),
  changedWords: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Share of the wrong sentences of real images that are their own captions with one word changed, such as `long beak` " +
        "to `short beak`, where the training captions show what contradicts what; the others are of other images.",
    ),
  average: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe("Decay of the average of the generator's weights."),
  averageStatistics: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Batches from which BN's means and variances of the averaged generator are recomputed before it is used; 0: they " +
        "are averages as the weights are.",
    ),
  grow: z
    .array(z.int().positive())
    .default([])
    .describe(
      "Growing stages: the steps after which the second, third, … stage begins to train, such as [2000, 6000]; before, " +
        "generator and discriminators of that stage do not exist for training. Empty: all stages train from the start.",
    ),
  patience: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Training stops after this number of evaluations in a row without a better evaluate.best; 0 for never.",
    ),
  damsmWeight: weight.default(5).describe("λ, the weight of the DAMSM loss of the last stage's image."),
  klWeight: weight.default(1).describe("The weight of conditioning augmentation's KL term."),
  precision: z
    .enum(["auto", "float32", "tf32", "bfloat16"])
    .default("auto")
    .describe(
      "Arithmetic of the networks: `auto` is bfloat16 if the device supports it; `tf32` is float32 with rounded GPU products.",
    ),
});

const evaluate = section(
  "Evaluation of the averaged generator during training, on captions of the split `val`.",
  {
    every: z.int().nonnegative().default(0).describe("Steps between two evaluations; 0 for none."),
    images: count.min(16).default(256).describe("Images generated per evaluation."),
    best: z
      .enum(["frechetDistance", "consistencyRatio", "attributeAccuracy"])
      .default("frechetDistance")
      .describe("The figure by which the best checkpoint is chosen and kept."),
  },
);

const log = section("What a run writes, and when.", {
  every: count.default(10).describe("Steps between two lines of metrics."),
  gradients: z
    .boolean()
    .default(false)
    .describe(
      "Also log, about every 100 steps, the norm of the gradient of each of the generator's loss terms for its images.",
    ),
  discriminatorOnVal: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Steps between two comparisons of the discriminators' answers for images of the split `val` with those for training " +
        "images, which shows whether they memorize; 0 for none.",
    ),
  sampleEvery: count.default(1000).describe("Steps between two grids of samples."),
  checkpointEvery: count.default(1000).describe("Steps between two checkpoints."),
  checkpointMinutes: z
    .number()
    .nonnegative()
    .default(10)
    .describe(
      "Minutes after which a checkpoint is written, if that is earlier; 0 for none. Results do not depend on it.",
    ),
  keep: count
    .default(2)
    .describe("Checkpoints kept, newest first; the best one of evaluate.best is kept beside them."),
});

/** The whole configuration of a run: the content of `config.yaml` in a run folder. */
export const configSchema = z
  .strictObject({
    seed: z.int().nonnegative().default(0).describe("The seed of all random numbers."),
    data,
    text,
    damsm,
    attributeClassifier,
    generator,
    discriminator,
    training,
    augment,
    penalty,
    siamese,
    contrastive,
    evaluate,
    log,
  })
  .superRefine(({ generator: { stages }, training: { grow }, augment: { policy, target } }, context) => {
    if (target > 0 && policy.length === 0)
      context.addIssue({
        code: "custom",
        path: ["augment", "policy"],
        message: `at least one kind, as augment.target is ${target}`,
      });
    const ascends = grow.every((step, i) => i === 0 || step >= grow[i - 1]!);
    if (grow.length > 0 && (grow.length !== stages - 1 || !ascends))
      context.addIssue({
        code: "custom",
        path: ["training", "grow"],
        message: growthFor(stages, grow, ascends),
      });
  });

/** What `training.grow` has to be, with the setting that keeps its first steps where that is possible. */
function growthFor(stages: number, grow: readonly number[], ascends: boolean): string {
  const joining = stages - 1;
  const none = "training.grow=[] (all stages train from the start)";
  if (joining === 0) return `no steps, as generator.stages is 1: ${none}`;
  const shorter = ascends && grow.length > joining ? `training.grow=[${grow.slice(0, joining)}] or ` : "";
  return (
    `${joining} ${joining === 1 ? "step" : "steps in ascending order"}, one for each stage after the first, as ` +
    `generator.stages is ${stages}: ${shorter}${none}`
  );
}

export type Config = z.output<typeof configSchema>;

/** The values of a preset or a file: every key is optional. */
export type ConfigInput = z.input<typeof configSchema>;
