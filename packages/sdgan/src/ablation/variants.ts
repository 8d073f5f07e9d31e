/** What is compared: the parts of SD-GAN one by one, and what its loss leaves open. */
import type { Config, ScbnKind } from "@sdgan/core";

/** One way to train. What it does not say stays as the configuration has it. */
export interface Variant {
  name: string;
  /** What it is, in a few words. */
  title: string;
  /** Which of the page's curves it is among: the parts of the method, what pairs are made of, or the loss's constants. */
  among: "parts" | "pairs" | "constants";
  /** What conditions batch normalization: the same in all stages, or other cues first than later; by default as configured. */
  scbn?: ScbnKind | "sentence, then word";
  /** Pairs of captions and the contrastive loss; without them, as many images a step, unpaired. */
  siamese: boolean;
  /** What else, as `--set` takes it. */
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
    title: "SD-GAN as the paper reads: sentence, then words; each branch with its own z",
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
  { name: "raw", title: "SD-GAN, d as it is", ...constants, set: ["contrastive.distance=raw"] },
  {
    name: "per-element",
    title: "SD-GAN, d per element",
    ...constants,
    set: ["contrastive.distance=perElement"],
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
 * What `--set` makes of a configuration to have the variant. Siamese branches see `training.batch` images each; a
 * variant without them gets those of both, so that every variant sees as many images a step: otherwise batch sizes
 * would be compared, not methods. None of them stops early: they are compared at equal steps.
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
