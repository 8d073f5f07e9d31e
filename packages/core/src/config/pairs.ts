/** Sections of the configuration: pairs of captions, and how their images are compared. */
import { z } from "zod";
import { rate, section, share, weight } from "./fields.js";

export const siamese = section("Siamese training: two branches with shared weights.", {
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

export const contrastive = section("The contrastive loss between the two branches.", {
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
