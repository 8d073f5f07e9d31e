import { z } from "zod";
import { betas, count, rate, section, share, weight } from "./fields.js";
import { augment, penalty } from "./regularization.js";

export { type AugmentPolicy, augmentPolicies, penaltyKinds } from "./regularization.js";

/** What conditions the batch normalization at the end of a stage's up-blocks; `none` is plain BN. */
export const scbnKinds = ["none", "sentence", "word", "both"] as const;
export type ScbnKind = (typeof scbnKinds)[number];
const scbnKind = z.enum(scbnKinds);

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

/** What the sentence feature is: the LSTM's last states, or the mean of the word features. */
export const sentenceFeatures = ["last", "mean"] as const;
export type SentenceFeature = (typeof sentenceFeatures)[number];

const text = section("The text encoder: embedding, dropout, bidirectional LSTM.", {
  embedding: count.default(300).describe("Width of a word's embedding."),
  width: count
    .multipleOf(2)
    .default(256)
    .describe(
      "D, the width of word features and of the sentence feature; each direction of the LSTM has half.",
    ),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe("Dropout after the embedding while DAMSM is trained."),
  sentence: z
    .enum(sentenceFeatures)
    .default("last")
    .describe(
      "The sentence feature: `last`, the LSTM's last state in each direction, as AttnGAN's; or `mean`, the mean of the word features.",
    ),
  whiten: z
    .boolean()
    .default(false)
    .describe(
      "Whether word and sentence features are whitened, so that all their directions vary alike; not in AttnGAN.",
    ),
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

const generator = z
  .strictObject({
    width: count.default(32).describe("g, the channels of a stage's hidden image."),
    stages: count
      .max(8)
      .default(3)
      .describe("Number of stages. Each generates an image twice the size of the previous one."),
    firstSize: count
      .min(8)
      .default(64)
      .describe("Pixels per side of the first stage's image: a power of two."),
    residualBlocks: z
      .int()
      .nonnegative()
      .default(2)
      .describe("Residual blocks in every stage after the first."),
    noise: count.default(100).describe("Width of the noise z."),
    condition: count.default(100).describe("Width of c, the sentence after conditioning augmentation."),
    scbn: z
      .union([scbnKind, z.array(scbnKind)], {
        error: `a list of one kind per stage, or one kind for all, of ${scbnKinds.join(", ")}`,
      })
      .default(["sentence", "word", "word"])
      .describe("What conditions each stage's batch normalization; all `none` is AttnGAN's generator."),
    scbnHidden: count.default(128).describe("Width of the hidden layer of sentence-level SCBN."),
  })
  .superRefine(({ firstSize, stages, scbn }, context) => {
    if (!Number.isInteger(Math.log2(firstSize)))
      context.addIssue({ code: "custom", path: ["firstSize"], message: "a power of two of at least 8" });
    if (Array.isArray(scbn) && scbn.length !== stages)
      context.addIssue({
        code: "custom",
        path: ["scbn"],
        message: `${stages} kinds, one per stage, as generator.stages is ${stages}`,
      });
  })
  .transform(({ scbn, ...rest }) => ({
    ...rest,
    scbn: Array.isArray(scbn) ? scbn : new Array<ScbnKind>(rest.stages).fill(scbn),
  }))
  .prefault({})
  .describe("The staged generator.");

const discriminator = section("The discriminators, one per stage.", {
  width: count.default(64).describe("d, the channels of the first convolution; the heads get 8d channels."),
  norm: z
    .enum(["batch", "spectral"])
    .default("batch")
    .describe(
      "`batch`: batch normalization, as in the published code. `spectral`: spectral normalization of every convolution instead.",
    ),
  features: z
    .enum(["none", "damsm"])
    .default("none")
    .describe(
      "`none`: discriminators see images. `damsm`: they see the frozen features that DAMSM's image encoder computes from them.",
    ),
});

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

const siamese = section("Siamese training: two branches with shared weights.", {
  enabled: z.boolean().default(true).describe("Train on pairs of captions; false trains on single captions."),
  sharedNoise: z
    .boolean()
    .default(true)
    .describe("Both branches of a pair have the same z, so that only the captions make their images differ."),
  shareSame: share.default(0.5).describe("Share of pairs that are two captions of one image."),
  acrossLanguages: z
    .boolean()
    .default(false)
    .describe(
      "Two captions of one image are in two languages, where the image has them. The data needs captions with languages.",
    ),
});

const contrastive = section("The contrastive loss between the two branches.", {
  weight: weight.default(1).describe("λ_c, its weight."),
  alpha: weight
    .default(0.1)
    .describe("α: features for two captions of one image are not pulled closer than this."),
  epsilon: weight
    .default(1)
    .describe("ε: features for captions of two images are pushed apart up to this distance."),
  loss: z
    .enum(["pairs", "infoNce"])
    .default("pairs")
    .describe(
      "`pairs`: each pair by its distance, the paper's; `infoNce`: two captions of one image are identified among all " +
        "captions of the batch that are not of the image's class.",
    ),
  temperature: rate.default(0.1).describe("τ of contrastive.loss=infoNce: cosines are divided by it."),
  real: z
    .boolean()
    .default(false)
    .describe(
      "The discriminators' loss compares the features of the pairs' real images, also without those of generated ones.",
    ),
  distance: z
    .enum(["unit", "letter", "raw", "perElement"])
    .default("perElement")
    .describe(
      "The distance d of features of N elements: `unit` of features of length 1; `perElement` ‖v1−v2‖/√N; " +
        "`letter` ‖v1−v2‖; `raw` the same with the loss divided by N.",
    ),
  generator: z.boolean().default(true).describe("Part of the generator's loss."),
  discriminator: z
    .boolean()
    .default(true)
    .describe("Part of the discriminators' losses, for generated images."),
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

/** One key of the configuration, for documentation and for suggestions when a key is misspelt. */
export interface ConfigField {
  /** As in `--set`: "generator.width". */
  path: string;
  description: string;
  /** Absent for a section. */
  default?: unknown;
}

/** All keys, sections before their fields, in the order of the schema. */
export function configFields(): ConfigField[] {
  return fieldsOf(z.toJSONSchema(configSchema, { io: "input" }) as Node, "");
}

interface Node {
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
}

function fieldsOf(node: Node, prefix: string): ConfigField[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix + key;
    const { description = "" } = child;
    return child.properties
      ? [{ path, description }, ...fieldsOf(child, `${path}.`)]
      : [{ path, description, default: child.default }];
  });
}
