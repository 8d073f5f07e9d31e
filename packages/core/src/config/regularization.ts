/** Sections of the configuration: what keeps discriminators from memorizing their images. */
import { z } from "zod";
import { count, section, share, weight } from "./fields.js";

/** The random changes that discriminators see images with, in the order in which they are made. */
export const augmentPolicies = ["color", "translation", "cutout"] as const;
export type AugmentPolicy = (typeof augmentPolicies)[number];

export const augment = section("Random changes of the images that discriminators see, against overfitting.", {
  policy: z
    .array(z.enum(augmentPolicies))
    .refine((kinds) => new Set(kinds).size === kinds.length, { error: "each kind at most once" })
    .default([])
    .describe(
      "Kinds of changes: `color` (brightness, saturation, contrast), `translation` by up to 1/8 of the size, `cutout` of " +
        "a square of half the size. Empty: no changes.",
    ),
  padding: z
    .number()
    .min(-1)
    .max(1)
    .default(1)
    .describe(
      "The value of pixels that `translation` moves in from outside, from −1 (black) to 1 (white). DiffAugment has 0.",
    ),
  probability: share.default(1).describe("The probability of each change to each image."),
  target: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "Adaptive probability (ADA): the mean sign of D(real) that the probability is adapted to, such as 0.6; it begins at 0, " +
        "and augment.probability is ignored. 0: the probability is fixed.",
    ),
  images: count
    .default(500_000)
    .describe("Real images in which an adaptive probability can rise from 0 to 1; fewer adapt faster."),
});

/** `none`, or what keeps the discriminators' logits of real images from changing steeply. */
export const penaltyKinds = ["none", "r1", "matchingAware"] as const;

export const penalty = section("A gradient penalty of the discriminators, at real images.", {
  kind: z
    .enum(penaltyKinds)
    .default("none")
    .describe(
      "`r1`: of both heads' gradients by the image. `matchingAware`: DF-GAN's, of the conditional head's gradients by image " +
        "and sentence.",
    ),
  weight: weight.default(2).describe("Its weight: DF-GAN's is 2; R1's is γ, usually 1 to 10."),
  power: z
    .number()
    .min(1)
    .default(6)
    .describe("The exponent of `matchingAware`; DF-GAN has 6. R1's is always 2."),
  every: count
    .default(1)
    .describe("It is part of every n-th step, with n times the weight; 16 takes less time."),
});
