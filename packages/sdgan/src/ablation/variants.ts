/** The variants that are compared: parts of SD-GAN, pairs, and constants of its loss. */
import type { Config, ScbnKind } from "@sdgan/core";

/** Changes to the configuration of a training. Everything else is as configured. */
export interface Variant {
  name: string;
  /** A short description. */
  title: string;
  /** The group of curves in the report: parts of the method, pairs, or forms and constants of the contrastive loss. */
  among: "parts" | "pairs" | "constants";
  /**
   * Conditioning of batch normalization: one kind for all stages, or sentence first and words later; by
   * default as configured.
   */
  scbn?: ScbnKind | "sentence, then word";
  /** Pairs of captions and the contrastive loss. Without them, as many images per step, unpaired. */
  siamese: boolean;
  /** Other changes, as `--set` takes them. */
  set?: readonly string[];
}

const pairs = { among: "pairs", siamese: true } as const;
const constants = { among: "constants", siamese: true } as const;

export const variants: readonly Variant[] = [
  { name: "baseline", title: "AttnGAN", among: "parts", scbn: "none", siamese: false },
  { name: "scbn-sentence", title: "SCBN by the sentence", among: "parts", scbn: "sentence", siamese: false },
  { name: "scbn-word", title: "SCBN by the words", among: "parts", scbn: "word", siamese: false },
  {
    name: "scbn",
    title: "SCBN by the sentence, then by the words",
    among: "parts",
    scbn: "sentence, then word",
    siamese: false,
  },
  {
    name: "scbn-both",
    title: "SCBN by the sentence and the words",
    among: "parts",
    scbn: "both",
    siamese: false,
  },
  { name: "siamese", title: "AttnGAN with Siamese branches", among: "parts", scbn: "none", siamese: true },
  { name: "full", title: "SD-GAN: SCBN and Siamese branches", among: "parts", siamese: true },
  {
    name: "published",
    title: "SD-GAN as in the paper: sentence, then words; each branch with its own z",
    ...{ ...pairs, scbn: "sentence, then word" },
    set: ["siamese.sharedNoise=false"],
  },
  {
    name: "own-noise",
    title: "SD-GAN, each branch with its own z",
    ...pairs,
    set: ["siamese.sharedNoise=false"],
  },
  {
    name: "contrastive-none",
    title: "SD-GAN without the contrastive loss",
    ...pairs,
    set: ["contrastive.weight=0"],
  },
  {
    name: "alpha-0",
    title: "SD-GAN, α = 0: the plain contrastive loss",
    ...constants,
    set: ["contrastive.alpha=0"],
  },
  { name: "alpha-0.05", title: "SD-GAN, α = 0.05", ...constants, set: ["contrastive.alpha=0.05"] },
  { name: "alpha-0.2", title: "SD-GAN, α = 0.2", ...constants, set: ["contrastive.alpha=0.2"] },
  { name: "alpha-0.5", title: "SD-GAN, α = 0.5", ...constants, set: ["contrastive.alpha=0.5"] },
  { name: "raw", title: "SD-GAN, d not normalized", ...constants, set: ["contrastive.distance=raw"] },
  {
    name: "per-element",
    title: "SD-GAN, d per element",
    ...constants,
    set: ["contrastive.distance=perElement"],
  },
  {
    name: "unit",
    title: "SD-GAN, d of features of length 1",
    ...constants,
    set: ["contrastive.distance=unit"],
  },
  {
    name: "letter",
    title: "SD-GAN, the loss to the letter of its formula",
    ...constants,
    set: ["contrastive.distance=letter"],
  },
  {
    name: "info-nce",
    title: "SD-GAN, InfoNCE over the batch, taught on real pairs too",
    ...constants,
    set: ["contrastive.loss=infoNce", "contrastive.real=true"],
  },
  {
    name: "contrastive-generator",
    title: "SD-GAN, contrastive loss on the generator only",
    ...pairs,
    set: ["contrastive.generator=true", "contrastive.discriminator=false"],
  },
  {
    name: "contrastive-discriminator",
    title: "SD-GAN, contrastive loss on the discriminators only",
    ...pairs,
    set: ["contrastive.generator=false", "contrastive.discriminator=true"],
  },
];

/**
 * Changes to a configuration, as `--set` takes them, that give the variant. Each Siamese branch has
 * `training.batch` images per step. A variant without branches gets twice the batch, so that every variant
 * has as many images per step. Otherwise batch sizes would be compared, not methods. Early stopping is
 * disabled: variants are compared at equal steps.
 */
export function settingsOf({ scbn, siamese, set = [] }: Variant, { generator, training }: Config): string[] {
  const [first, later] = scbn === "sentence, then word" ? ["sentence", "word"] : [scbn, scbn];
  const kinds = generator.scbn.map((configured, stage) => (stage === 0 ? first : later) ?? configured);
  return [
    `generator.scbn=[${kinds.join(", ")}]`,
    `siamese.enabled=${siamese}`,
    "training.patience=0",
    ...(siamese ? [] : [`training.batch=${2 * training.batch}`]),
    ...set,
  ];
}
