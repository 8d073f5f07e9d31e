/** Sections of the configuration: the networks of the model. */
import { z } from "zod";
import { count, section } from "./fields.js";

/** What conditions the batch normalization at the end of a stage's up-blocks; `none` is plain BN. */
export const scbnKinds = ["none", "sentence", "word", "both"] as const;
export type ScbnKind = (typeof scbnKinds)[number];
const scbnKind = z.enum(scbnKinds);

/** What the sentence feature is: the LSTM's last states, or the mean of the word features. */
export const sentenceFeatures = ["last", "mean"] as const;
export type SentenceFeature = (typeof sentenceFeatures)[number];

export const text = section("The text encoder: embedding, dropout, bidirectional LSTM.", {
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

export const generator = z
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

export const discriminator = section("The discriminators, one per stage.", {
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
